"""One trunk sends one number more than goes to it one after the other; what another trunk's messages notice of it."""

import time
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench.latency import FIRST_PROBED_NUMBER, BackgroundProbes, percentiles
from tests.bench.load import put_flood
from tests.bench.scenarios.stage import Stage, stage, wait_until
from tests.bench.scenarios.verdict import Figure, Verdict

FLOODED: Final = 12_124_000_000
CONNECTIONS: Final = 32
FLOOD_SECONDS: Final = 15
BEHIND_SECONDS: Final = 20.0  # after the flood, while what it has left still drains
SETTLE_SECONDS: Final = 10.0

MEDIAN_MS: Final = 2000.0
P99_MS: Final = 5000.0
NUMBER_PER_SECOND: Final = 300.0


def run(folder: Path) -> list[Verdict]:
    """Run a system in `folder` and flood it. Raises `RuntimeError` when it does not start."""
    with stage(folder) as ours:
        return [flood(ours)]


def flood(on: Stage, flood_seconds: int = FLOOD_SECONDS, behind_seconds: float = BEHIND_SECONDS) -> Verdict:
    """Flood, and send beside it and behind it."""
    trunk = on.trunk(on.account("Flood"), "Flooder", on.endpoints.url("/callback/flood"))
    with BackgroundProbes(on.demo, FIRST_PROBED_NUMBER) as beside:
        load = put_flood(trunk.target, flood_seconds, CONNECTIONS, FLOODED, on.folder)
        flooded_until = time.monotonic()
        wait_until(lambda: len(on.carrier.arrivals()) >= load.accepted + len(beside.prober.sent_to), behind_seconds)
        ended = time.monotonic()
    sent = beside.prober.sent_to
    wait_until(lambda: sent.keys() <= {it.destination for it in on.carrier.arrivals()}, SETTLE_SECONDS)
    arrivals = on.carrier.arrivals()
    number = [it.at for it in arrivals if it.destination == str(FLOODED)]
    came = {it.destination: it.at for it in reversed(arrivals)}
    latency = percentiles([came[it] - at for it, at in sent.items() if it in came], len(sent))
    return Verdict(
        f"flood: {load.accepted} messages to one number in {load.seconds:.0f} s, another trunk's beside them",
        [
            Figure("other trunk, request to carrier, p50", latency.p50_ms, "ms", at_most=MEDIAN_MS),
            Figure("other trunk, request to carrier, p99", latency.p99_ms, "ms", at_most=P99_MS),
            Figure("other trunk's messages that did not arrive", latency.lost, "", at_most=0),
            Figure("the number, while it is flooded", per_second(number, 0, flooded_until), "messages/s"),
            Figure(
                "the number alone, behind the flood", per_second(number, flooded_until, ended), "messages/s",
                at_least=NUMBER_PER_SECOND,
            ),
        ],
    )  # fmt: skip


def per_second(times: list[float], begin: float, end: float) -> float:
    """Return how many came in the median second between the first and the last of those between two times."""
    chosen = [it for it in times if begin <= it <= end]
    if not chosen or chosen[-1] - chosen[0] < 1:
        return float("nan")
    seconds = [0] * int(chosen[-1] - chosen[0])
    for at in chosen:
        if (second := int(at - chosen[0])) < len(seconds):
            seconds[second] += 1
    return median(seconds)
