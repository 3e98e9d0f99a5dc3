"""Two versions under load in turns: what a message costs in one and in the other, at the same time on one machine.

Each has a system of its own, which is there all the time; one is loaded while the other idles, and in the next round
the other goes first. The figures of one version alone differ by a third within an hour on a machine that others share;
the ratio of two that were measured within seconds does not.

What only one of them does, beside the way of a message, can stand still meanwhile: then like is compared with like.
"""

import os
import signal
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from tests.bench.bench import Plan, drain, processes, warm_up
from tests.bench.load import FIRST_NUMBER, Target, put_load
from tests.bench.processes import tree_cpu_seconds
from tests.bench.system import SinkClient, System, sink, system

WAY: Final = ("ingress", "processor", "delivery", "callback")
"""The agents that every message passes."""

RATES: Final = ("rate", "told")
Figures = dict[str, float]
"""CPU by process in microseconds a message, and `way` for those of WAY together. Messages a second: `rate`, accepted
while the load lasts; `told`, of whose end the customer knows, until the last one does. What only piles up raises
the first."""


class Turns(NamedTuple):
    """What each round has given, for the other version and for this one."""

    other: list[Figures]
    this: list[Figures]

    def ratio(self, name: str) -> float:
        """Return this version's figure divided by the other's: the median over the rounds."""
        return median([mine[name] / theirs[name] for theirs, mine in zip(self.other, self.this, strict=True)])

    def names(self) -> list[str]:
        """Return the figures that both have, where they are more than nothing."""
        every = [*self.other, *self.this]
        return [name for name in self.this[0] if all(it.get(name, 0.0) > 0 for it in every)]


class _Version:
    """One running system with its sink."""

    def __init__(self, running: System, counting: SinkClient, folder: Path) -> None:
        self._running = running
        self._counting = counting
        self._folder = folder
        self._target = Target.of(running.ready())
        self._number = FIRST_NUMBER

    def warm_up(self, plan: Plan) -> None:
        """Let it see load."""
        warm_up(self._target, self._counting, plan, self._folder)

    def load(self, plan: Plan) -> Figures:
        """Load it, wait until all has arrived, and return what that took."""
        pids = processes(self._running, self._running.ready())
        self._counting.reset()
        before = {name: tree_cpu_seconds(pid) for name, pid in pids.items()}
        began = time.monotonic()
        load = put_load(self._target, plan.seconds, plan.connections, self._number, self._folder)
        stats = drain(self._counting, load.accepted)
        messages = stats["carrier"]["n"]
        self._number += 2 * messages
        figures = {name: (tree_cpu_seconds(pid) - before[name]) / messages * 1e6 for name, pid in pids.items()}
        told = stats["callback"]["n"] / (stats["callback"]["last"] - began)
        rates = {"rate": load.accepted / load.seconds, "told": told}
        return {**rates, "way": sum(figures[name] for name in WAY), **figures}


@contextmanager
def standing_still(running: System, names: Collection[str]) -> Iterator[None]:
    """Let some of a system's agents stand still, and `up`, which would start them anew. Raises `RuntimeError`."""
    pids = running.ready()["pids"]
    if unknown := sorted(set(names) - set(pids)):
        raise RuntimeError(f"nothing to stand still: {', '.join(unknown)} (there are {', '.join(pids)})")
    still = [running.pid, *(int(pids[name]) for name in names)] if names else []
    for pid in still:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in still:
            os.kill(pid, signal.SIGCONT)


def run(other: Path, rounds: int, plan: Plan, folder: Path, still: Collection[str] = ()) -> Turns:
    """Compare the checkout at `other`, which has been set up, with this one, whose agents `still` stand still.

    Raises `RuntimeError`.
    """
    if not (other / ".venv/bin/smsout").exists():
        raise RuntimeError(f"{other} is no checkout that has been set up: run `make setup` there")
    with ExitStack() as stack:
        versions = []
        for name, root in (("other", other), ("this", None)):
            place = folder / name
            place.mkdir(parents=True)
            counting = stack.enter_context(sink())
            urls = counting.url + "/carrier", counting.url + "/callback"
            running = stack.enter_context(system(place, *urls, root=root))
            versions.append(_Version(running, counting, place))
        for version in versions:
            version.warm_up(plan)
        stack.enter_context(standing_still(running, still))  # that of this checkout: it came last
        turns = Turns([], [])
        for round_number in range(rounds):
            both = list(zip(versions, turns, strict=True))
            for version, figures in both if round_number % 2 == 0 else reversed(both):
                time.sleep(1.0)
                figures.append(version.load(plan))
        return turns


def table(turns: Turns) -> str:
    """Return the figures for people: medians, and the median of the ratios."""
    lines = [f"{'median of ' + str(len(turns.this)) + ' rounds':24}{'other':>10}{'this':>10}{'ratio':>8}"]
    for name in turns.names():
        theirs, mine = (median([it[name] for it in figures]) for figures in turns)
        unit = "messages/s" if name in RATES else "us/message"
        lines.append(f"{name:12} {unit:11}{theirs:10.1f}{mine:10.1f}{turns.ratio(name):8.3f}")
    return "\n".join(lines)
