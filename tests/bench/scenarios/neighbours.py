"""Hundreds of hanging endpoints of one account, and a hostile path on a host that others share: what they notice."""

import asyncio
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Final

from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings
from schemas.messages.destination import Destination
from schemas.messages.submission import Submission
from schemas.record import OutRecord
from schemas.topics import SUBMITTED
from tests.bench.latency import FIRST_PROBED_NUMBER, BackgroundProbes, Percentiles, percentiles
from tests.bench.scenarios.stage import CALLBACK, MadeTrunk, Stage, stage, wait_until
from tests.bench.scenarios.verdict import Figure, Verdict
from tests.fakes.peer import Manner

ENDPOINTS: Final = 300
WARM_UP_SECONDS: Final = 10.0
SECONDS: Final = 25.0
TIMEOUT_SECONDS: Final = 3  # shorter than usual, so that all of them are left alone before the scenario ends
SETTLE_SECONDS: Final = 15.0
FIRST_NUMBER: Final = 12_125_000_000
EACH_SECONDS: Final = 5.0  # between two messages of a trunk
HANGING: Final = "/hanging"
HOSTILE: Final = f"{CALLBACK}/hostile"

MEDIAN_TIMES: Final = 1.5
P99_MS: Final = 2000.0


def run(folder: Path) -> list[Verdict]:
    """Run a system in `folder` with bad neighbours. Raises `RuntimeError` when it does not start."""
    with stage(folder, SMSOUT_CALLBACK_TIMEOUT_SECONDS=str(TIMEOUT_SECONDS)) as ours:
        return [neighbours(ours)]


def neighbours(on: Stage, endpoints: int = ENDPOINTS, seconds: float = SECONDS) -> Verdict:
    """Measure another account's callbacks while all endpoints answer, while many hang, and when they are left alone."""
    peer = on.endpoints
    account = on.account("Hanging")
    trunks = [on.trunk(account, f"Hanging {n}", peer.url(f"{HANGING}/{n}")) for n in range(endpoints)]
    trunks.append(on.trunk(on.account("Hostile"), "Hostile", peer.url(HOSTILE)))
    over = Event()
    traffic = Thread(target=lambda: asyncio.run(_send(on, trunks, over)))
    traffic.start()
    try:
        time.sleep(WARM_UP_SECONDS)
        well = _probe(on, FIRST_PROBED_NUMBER, seconds)
        peer.answer(HANGING, Manner(hangs=True))
        peer.answer(HOSTILE, Manner(status=503, headers="Retry-After: 300\r\n"))
        time.sleep(2 * TIMEOUT_SECONDS)
        hanging = _probe(on, FIRST_PROBED_NUMBER + 1_000_000, seconds)
        alone = _probe(on, FIRST_PROBED_NUMBER + 2_000_000, seconds)
    finally:
        over.set()
        traffic.join()
    return Verdict(
        f"neighbours: {endpoints} endpoints of one account hang, and one path on a shared host says Retry-After: 300",
        [
            Figure("other account's callbacks, all answer, p50", well.p50_ms, "ms"),
            Figure("other account's callbacks, all answer, p99", well.p99_ms, "ms"),
            *_beside("many hang", hanging, well),
            *_beside("most are left alone", alone, well),
            Figure("different callbacks that were posted to those that hang", peer.count(HANGING), "", at_least=1),
        ],
    )


def _beside(when: str, found: Percentiles, well: Percentiles) -> list[Figure]:
    return [
        Figure(f"other account's callbacks, {when}, p50", found.p50_ms, "ms", at_most=MEDIAN_TIMES * well.p50_ms),
        Figure(f"other account's callbacks, {when}, p99", found.p99_ms, "ms", at_most=P99_MS),
        Figure(f"other account's callbacks, {when}, missing", found.lost, "", at_most=0),
    ]


def _probe(on: Stage, first_number: int, seconds: float) -> Percentiles:
    """Send messages of the demo trunk; return how long each took from its request to its callback."""
    peer, kept = on.endpoints, len(on.endpoints.arrivals())
    with BackgroundProbes(on.demo, first_number) as probes:
        time.sleep(seconds)
    sent = probes.prober.sent_to
    came: dict[str, float] = {}

    def all_came() -> bool:
        came.update({it.destination: it.at for it in peer.arrivals(kept) if it.path == f"{CALLBACK}/demo"})
        return sent.keys() <= came.keys()

    wait_until(all_came, SETTLE_SECONDS)
    return percentiles([came[it] - at for it, at in sent.items() if it in came], len(sent))


async def _send(on: Stage, trunks: Sequence[MadeTrunk], over: Event) -> None:
    """Send a message with each trunk in turn, over the public topic, until it is over."""
    kafka = KafkaSettings(bootstrap_servers=on.ready["bootstrap_servers"])
    producer = await RecordProducer(kafka, client_id="bench").start()
    begun = time.monotonic()
    try:
        for number in count():
            if over.is_set():
                return
            trunk = trunks[number % len(trunks)]
            submission = Submission(
                trunk_id=trunk.id, source=trunk.target.source, content="Hello World!",
                destinations=(Destination(address=str(FIRST_NUMBER + number)),),
            )  # fmt: skip
            await producer.write([OutRecord(SUBMITTED, trunk.id.encode(), submission.to_bytes())])
            await asyncio.sleep(max(0.0, begun + number * EACH_SECONDS / len(trunks) - time.monotonic()))
    finally:
        await producer.stop()
