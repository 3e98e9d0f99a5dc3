"""How long a message takes to the carrier's POST and to the customer's callback, from sending the request.

Probes are messages to numbers that the load does not use; the sink keeps the times of their POSTs.
"""

import http.client
import json
import threading
import time
from collections.abc import Sequence
from typing import Final, NamedTuple, Self
from urllib.parse import urlsplit

from tests.bench.load import Target
from tests.bench.system import SinkClient

FIRST_PROBED_NUMBER: Final = 16_462_000_000
WATCHED: Final = '"1646'  # is in the bodies of probes and in no other
SETTLE_SECONDS: Final = 10.0


class Percentiles(NamedTuple):
    """Milliseconds; `lost` probes were not seen there."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    lost: int


class Latency(NamedTuple):
    """Of one series of probes."""

    probes: int
    answer: Percentiles
    carrier: Percentiles
    callback: Percentiles


class Prober:
    """Sends single messages over one connection of its own."""

    def __init__(self, target: Target, first_number: int = FIRST_PROBED_NUMBER) -> None:
        self._path = urlsplit(target.url).path
        self._connection = http.client.HTTPConnection(urlsplit(target.url).netloc, timeout=30)
        self._target = target
        self._number = first_number
        self.sent_at: dict[str, float] = {}
        """By message id."""
        self.sent_to: dict[str, float] = {}
        """By destination."""
        self._answered: list[float] = []

    def probe(self) -> None:
        """Send one. Raises `RuntimeError` when it is not accepted."""
        number = str(self._number)
        head, _, body = self._target.request(self._number).decode().partition("\r\n\r\n")
        self._number += 1
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        sent_at = time.monotonic()
        self._connection.request("POST", self._path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        answered_at = time.monotonic()
        if answer.status != 201:
            raise RuntimeError(f"a probe was answered {answer.status}: {text[:500]!r}")
        self.sent_at[json.loads(text)["data"]["id"]] = sent_at
        self.sent_to[number] = sent_at
        self._answered.append(answered_at - sent_at)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def result(self, sink: SinkClient) -> Latency:
        """Compare with what the sink has seen."""
        seen: dict[str, dict[str, float]] = {"/carrier": {}, "/callback": {}}
        for path, at, body in sink.watched():
            document = json.loads(body)
            message_id = document["message_id"] if path == "/carrier" else document["data"]["id"]
            seen[path].setdefault(message_id, at)
        return Latency(
            len(self.sent_at),
            percentiles(self._answered, len(self.sent_at)),
            *(
                percentiles(
                    [at - self.sent_at[it] for it, at in times.items() if it in self.sent_at], len(self.sent_at)
                )
                for times in (seen["/carrier"], seen["/callback"])
            ),
        )


def percentiles(seconds: Sequence[float], expected: int) -> Percentiles:
    """Return the percentiles of what was seen, by the nearest rank."""
    ordered = sorted(seconds)

    def rank(percent: int) -> float:
        return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] * 1000 if ordered else float("nan")

    return Percentiles(rank(50), rank(95), rank(99), expected - len(ordered))


def idle_latency(target: Target, sink: SinkClient, probes: int) -> Latency:
    """Send `probes` messages one at a time, each when the callback of the one before has come."""
    sink.reset(watch=WATCHED)
    prober = Prober(target)
    for number in range(1, probes + 1):
        prober.probe()
        give_up = time.monotonic() + SETTLE_SECONDS
        while sink.stats()["callback"]["n"] < number and time.monotonic() < give_up:
            time.sleep(0.02)
        time.sleep(0.05)
    prober.close()
    return prober.result(sink)


class BackgroundProbes:
    """Sends ten probes a second from a thread, while other load runs."""

    def __init__(self, target: Target, first_number: int = FIRST_PROBED_NUMBER + 1_000_000) -> None:
        self.prober = Prober(target, first_number)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.refused = 0

    def _run(self) -> None:
        while not self._over.wait(0.1):
            try:
                self.prober.probe()
            except RuntimeError:
                self.refused += 1  # overload may be answered with 429 or 503

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.prober.close()
