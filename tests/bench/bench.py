"""One run: warm up, measure idle latency, load for a while, wait until everything has arrived, account for it."""

import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.bench.latency import WATCHED, BackgroundProbes, Latency, idle_latency
from tests.bench.load import FIRST_NUMBER, LoadResult, Target, put_load
from tests.bench.processes import (
    busy_seconds,
    calibration_ms,
    children,
    command,
    cpu_seconds,
    resident_mb,
    tree_cpu_seconds,
    tree_resident_mb,
    wait_until_quiet,
)
from tests.bench.system import SinkClient, System, alive, sink, system

DRAIN_SECONDS: Final = 180.0
QUIET_SECONDS: Final = 1.5
WARM_UP_SECONDS: Final = 40  # until Java has compiled what the broker does most; twice the CPU before that
QUIET_LIMIT_SECONDS: Final = 60.0
NOISE_CORES: Final = 0.15


class Plan(NamedTuple):
    """What to run."""

    seconds: int
    connections: int
    probes: int


class Process(NamedTuple):
    """What one process spent on the loaded part, and the memory that it had at its end."""

    cpu_seconds: float
    cpu_us_per_message: float
    resident_mb: float


class Result(NamedTuple):
    """What one run gave. Rates are messages per second."""

    plan: Plan
    broker: str
    calibration_ms: float
    busy_cores_before: float
    start_up_seconds: float
    load: LoadResult
    accepted: int
    accepted_per_second: float
    to_carrier: int
    to_carrier_per_second: float
    to_callback: int
    to_callback_per_second: float
    to_carrier_during_load: int
    drain_seconds: float
    idle: Latency
    loaded: Latency
    probes_refused: int
    processes: dict[str, Process]
    tools: dict[str, Process]
    other_cpu_seconds: float
    seconds: float

    @property
    def noisy(self) -> bool:
        """Tell whether others used the machine meanwhile: the figures are then too low."""
        return self.other_cpu_seconds > NOISE_CORES * self.seconds


def run(plan: Plan, folder: Path) -> Result:
    """Run `plan` with the system's data in `folder`. Raises `RuntimeError` when the figures would mean nothing."""
    busy_cores = wait_until_quiet(QUIET_LIMIT_SECONDS)
    calibrated = calibration_ms()
    with (
        sink() as counting,
        system(folder, counting.url + "/carrier", counting.url + "/callback") as running,
    ):
        ready = running.ready()
        target = Target.of(ready)
        warm_up(target, counting, plan, folder)
        idle = idle_latency(target, counting, plan.probes)
        pids = processes(running, ready)
        return measure(plan, target, counting, running, pids, idle, calibrated, busy_cores, folder)


def warm_up(target: Target, counting: SinkClient, plan: Plan, folder: Path) -> None:
    """Let every process see load, and wait until it is worked off."""
    counting.reset()
    number = FIRST_NUMBER + 5_000_000
    drain(counting, put_load(target, WARM_UP_SECONDS, plan.connections, number, folder).accepted)


def processes(running: System, ready: dict[str, Any]) -> dict[str, int]:
    """Return the pids of the system by name: its agents, its broker, and `up` itself, which is counted alone."""
    pids = {name: int(pid) for name, pid in ready["pids"].items()}
    for pid in children(running.pid):
        if pid not in pids.values():
            broker = "kafka" in command(pid).lower()
            pids["broker" if broker else f"pid {pid}"] = pid
    return pids


def measure(
    plan: Plan, target: Target, counting: SinkClient, running: System, pids: dict[str, int], idle: Latency,
    calibrated: float, busy_cores: float, folder: Path,
) -> Result:  # fmt: skip
    """Load the system, wait until all is delivered and called back, and count."""
    counting.reset(watch=WATCHED)
    cpu_before = {name: tree_cpu_seconds(pid) for name, pid in pids.items()} | {"up": cpu_seconds(running.pid)}
    sink_before, busy_before = cpu_seconds(counting.pid), busy_seconds()
    started = time.monotonic()
    with BackgroundProbes(target) as background:
        load = put_load(target, plan.seconds, plan.connections, FIRST_NUMBER, folder)
        during = counting.stats()["carrier"]["n"]
        loaded_until = time.monotonic()
    accepted = load.accepted + len(background.prober.sent_at)
    stats = drain(counting, accepted)
    if (lost := [name for name, pid in pids.items() if not alive(pid)]) or running.ready()["pids"] != {
        name: pid for name, pid in pids.items() if name in running.ready()["pids"]
    }:
        raise RuntimeError(f"processes ended during the run ({lost or 'and were started again'}): see up.log")
    spent = {name: tree_cpu_seconds(pid) - cpu_before[name] for name, pid in pids.items()}
    spent["up"] = cpu_seconds(running.pid) - cpu_before["up"]
    ended = time.monotonic()
    sink_cpu, busy = cpu_seconds(counting.pid) - sink_before, busy_seconds() - busy_before
    carrier, callback = stats["carrier"], stats["callback"]

    def process(seconds: float, pid: int | None) -> Process:
        return Process(seconds, seconds / carrier["n"] * 1e6, tree_resident_mb(pid) if pid else 0.0)

    by_name = {name: process(seconds, pids.get(name)) for name, seconds in spent.items()}
    by_name["up"] = by_name["up"]._replace(resident_mb=resident_mb(running.pid))

    return Result(
        plan=plan,
        broker=str(running.ready()["broker"]),
        calibration_ms=calibrated,
        busy_cores_before=busy_cores,
        start_up_seconds=running.started_in_seconds,
        load=load,
        accepted=accepted,
        accepted_per_second=accepted / load.seconds,
        to_carrier=carrier["n"],
        to_carrier_per_second=carrier["n"] / (carrier["last"] - started),
        to_callback=callback["n"],
        to_callback_per_second=callback["n"] / (callback["last"] - started),
        to_carrier_during_load=during,
        drain_seconds=max(carrier["last"], callback["last"]) - loaded_until,
        idle=idle,
        loaded=background.prober.result(counting),
        probes_refused=background.refused,
        processes=by_name,
        tools={"load generator": process(load.cpu_seconds, None), "sink": process(sink_cpu, counting.pid)},
        other_cpu_seconds=busy - sum(spent.values()) - load.cpu_seconds - sink_cpu,
        seconds=ended - started,
    )


def drain(counting: SinkClient, accepted: int) -> dict[str, dict[str, Any]]:
    """Wait until what was accepted has reached carrier and customer, and nothing more comes.

    The generator drops the answers of its last requests, so a few more than `accepted` may come. Raises
    `RuntimeError` when some are missing.
    """
    give_up = time.monotonic() + DRAIN_SECONDS
    while True:
        stats = counting.stats()
        counts = [stats[path]["n"] for path in ("carrier", "callback")]
        latest = max(stats[path]["last"] or 0.0 for path in ("carrier", "callback"))
        if min(counts) >= accepted and counts[0] == counts[1] and time.monotonic() - latest > QUIET_SECONDS:
            return stats
        if time.monotonic() > give_up:
            raise RuntimeError(
                f"{accepted} messages were accepted, but after {DRAIN_SECONDS:g} s {counts[0]} have reached the "
                f"carrier and {counts[1]} callbacks the customer"
            )
        time.sleep(0.25)
