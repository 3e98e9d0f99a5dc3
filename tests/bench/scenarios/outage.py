"""A carrier, and then an endpoint, is away under load: what waits for it has reached it soon after it is back."""

import time
from bisect import bisect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Final, NamedTuple

from tests.bench.latency import FIRST_PROBED_NUMBER, BackgroundProbes, percentiles
from tests.bench.load import FIRST_NUMBER, LoadResult, put_load
from tests.bench.scenarios.peer_process import PeerClient
from tests.bench.scenarios.stage import CALLBACK, CARRIER, Stage, stage, wait_until
from tests.bench.scenarios.verdict import Figure, Verdict

CONNECTIONS: Final = 64
BEFORE_SECONDS: Final = 10  # under load, to see what the peer takes
COUNTED_SECONDS: Final = 5.0  # the last ones of these
CARRIER_SECONDS: Final = 25
ENDPOINT_SECONDS: Final = 45
LIMIT_SECONDS: Final = 180.0

FOUND_SECONDS: Final = 2.0
SHARE: Final = 0.95
FACTOR: Final = 1.5
GRACE_SECONDS: Final = 5.0


class Place(NamedTuple):
    """Who is away, and where it is posted to."""

    name: str
    peer: PeerClient
    path: str


def run(folder: Path) -> list[Verdict]:
    """Let first the carrier be away, then the endpoint, of a system in `folder`.

    Raises `RuntimeError` when it does not start.
    """
    with stage(folder) as ours:
        return [
            outage(ours, Place("the carrier", ours.carrier, CARRIER), CARRIER_SECONDS, 0),
            outage(ours, Place("the endpoint", ours.endpoints, CALLBACK), ENDPOINT_SECONDS, 2_000_000),
        ]


def outage(on: Stage, place: Place, seconds: int, numbers_from: int) -> Verdict:
    """Load, let a peer be away for `seconds`, and see what becomes of what waits. Numbers count from there."""
    name, peer, path = place
    kept, before = len(peer.arrivals()), peer.count(path)
    with _loading(on, BEFORE_SECONDS + seconds, FIRST_NUMBER + numbers_from) as load:
        time.sleep(BEFORE_SECONDS)
        peer.away()
        left_at = time.monotonic()
    accepted = load[0].accepted
    come = peer.count(path) - before
    peer.back()
    back_at = time.monotonic()
    with BackgroundProbes(on.demo, FIRST_PROBED_NUMBER + numbers_from) as younger:
        wait_until(lambda: peer.count(path) - before >= accepted + len(younger.prober.sent_to), LIMIT_SECONDS)
    arrivals = peer.arrivals(kept)
    first_at = {it.destination: it.at for it in reversed(arrivals)}
    late = sorted(at for number, at in first_at.items() if at >= back_at and number not in younger.prober.sent_to)
    full_rate = sum(left_at - COUNTED_SECONDS <= it.at < left_at for it in arrivals) / COUNTED_SECONDS
    waiting = accepted - come
    wanted = FACTOR * waiting / full_rate + GRACE_SECONDS
    needed = late[int(waiting * SHARE) - 1] - back_at if len(late) >= waiting * SHARE > 0 else float("nan")
    sent = younger.prober.sent_to
    latency = percentiles([first_at[it] - at for it, at in sent.items() if it in first_at], len(sent))
    return Verdict(
        f"outage: {name} is away for {seconds} s, {waiting} of {accepted} messages wait for it",
        [
            Figure("its full rate, as it was before", full_rate, "messages/s"),
            Figure("until the first one reached it", _first_after(late, back_at), "s", at_most=FOUND_SECONDS),
            Figure("until 95 % of what waited had reached it", needed, "s", at_most=wanted),
            Figure("until the last one had", late[-1] - back_at if late else float("nan"), "s"),
            Figure(
                "accepted messages that did not come", max(0, accepted - (len(first_at) - len(sent))), "", at_most=0
            ),
            Figure("younger ones beside them, p50", latency.p50_ms, "ms"),
            Figure("younger ones beside them, p99", latency.p99_ms, "ms"),
        ],
    )


def _first_after(times: list[float], at: float) -> float:
    place = bisect(times, at)
    return times[place] - at if place < len(times) else float("nan")


@contextmanager
def _loading(on: Stage, seconds: int, first_number: int) -> Iterator[list[LoadResult]]:
    """Load while the context lasts, and until the load is over; its result is then in the list."""
    result: list[LoadResult] = []

    def load() -> None:
        result.append(put_load(on.demo, seconds, CONNECTIONS, first_number, on.folder))

    thread = Thread(target=load)
    thread.start()
    try:
        yield result
    finally:
        thread.join()
    if not result:
        raise RuntimeError("the load generator failed")
