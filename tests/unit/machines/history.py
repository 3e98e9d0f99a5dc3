"""What every history has: a process that may die, freeze and be replaced at any step, and time that passes."""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

from aiokafka.structs import OffsetAndMetadata
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pipeline.errors import ConfigurationError
from pipeline.slot import Slot
from schemas.headers.dead_letter import DeadLetterSource
from schemas.topics import DEAD_LETTER_SUFFIX
from tests.fakes.broker import SESSION_SECONDS, Broker, Life
from tests.fakes.virtual_time import CLOCK, VirtualLoop

STEPS: Final = 30
TIMES: Final = int(os.environ.get("HISTORIES_TIMES", "1"))
"""How many times as many histories there are as in a usual run (`make histories`)."""


def machine_settings(histories: int) -> settings:
    """Return what a machine runs with."""
    return settings(
        max_examples=histories * TIMES,
        stateful_step_count=STEPS,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


class World(ABC):
    """A history: what is durable, and the lives on it."""

    def __init__(self, seed: int) -> None:
        self.loop = VirtualLoop()
        CLOCK.begin(self.loop.time)
        self.random = Random(seed)
        self.broker = Broker()
        self._state = TemporaryDirectory()
        self._lost: dict[str, OffsetAndMetadata] = {}
        self.zombies: list[Life] = []
        self.present: Life

    def close(self) -> None:
        for it in [*self.zombies, self.present]:
            it.thaw()
            self.do(it.kill())
        self.loop.close()
        self._state.cleanup()

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(work)

    @abstractmethod
    async def agent(self, life: Life) -> None:
        """Be the agent's process, until it ends."""

    def _take_slot(self) -> Slot:
        return Slot.take(Path(self._state.name), "agent")

    def begin(self, slot: Slot | None = None) -> None:
        """Start a process in the place of the present one."""

        async def begin() -> None:
            self.present = Life(self.broker, self.random, slot or self._take_slot())
            self.broker.give_partitions_to(self.present)
            self.present.task(self.agent(self.present))

        self.do(begin())
        self.run(2)

    # What may happen.

    def run(self, turns: int) -> None:
        """Let the present life, and what a zombie does, go on for a while."""

        async def turn() -> None:
            for _ in range(3):
                await asyncio.sleep(0)

        for _ in range(turns):
            self.do(turn())
            self.loop.jump(self.random.choice((0.0, 0.0, 0.01, 0.05, 0.3)))
        self._end_the_failed()

    def crash(self) -> None:
        self.do(self.present.kill())
        self.begin()

    def stop(self) -> None:
        """The process is told to stop, has as much time as it needs, and another takes its place."""
        self.present.stopping.set()
        for _ in range(200):
            if self.present.ended.is_set():
                break
            self.run(3)
            self.loop.jump(0.3)
        self.crash()

    def freeze(self) -> None:
        """The process stops for longer than a session lasts, and another takes its place."""
        self.present.freeze()
        self.zombies.append(self.present)
        self.loop.jump(SESSION_SECONDS + 1)
        self.begin()

    def replace(self) -> None:
        """The process stops for a while, and an orchestrator starts another with the same environment at once.

        The broker gives a static member what it had, at once; whoever is another has to wait for the session to end.
        """
        stopped = self.present
        stopped.freeze()
        self.zombies.append(stopped)
        slot = self._take_slot()
        if slot.identity != stopped.slot.identity:
            self.loop.jump(SESSION_SECONDS + 1)
        self.begin(slot)

    def lose_offsets(self) -> None:
        """Nobody has been in the groups for long, and the broker has forgotten their positions."""
        self.do(self.present.kill())
        self._lost = {**self._lost, **self.broker.committed}
        self.broker.committed.clear()
        self.begin()

    def thaw(self) -> None:
        for zombie in self.zombies:
            zombie.thaw()

    def rebalance(self, *, back: bool) -> None:
        """The process gives its partitions to another: one that has just come, or with `back` one that had them before.

        It may finish what it has begun, for as long as the group waits for it.
        """
        leaving = self.present

        async def leave() -> None:
            await asyncio.gather(*(it.give_partitions() for it in leaving.consumers))

        async def begin() -> asyncio.Task[None]:
            return leaving.task(leave())

        task = self.loop.run_until_complete(begin())
        for _ in range(300):
            if task.done() or leaving.failure is not None:
                break
            self.run(3)
            self.loop.jump(0.1)
        if self.present is not leaving:
            return  # it has failed over that, and another has begun
        returning = [it for it in self.zombies if not it.frozen and not it.failure]
        self.zombies.append(leaving)
        if back and returning:
            self.zombies.remove(returning[0])
            self.present = returning[0]
            self.broker.give_partitions_to(self.present)
            self.do(self._give_partitions(returning[0]))
        else:
            self.begin()

    async def _give_partitions(self, life: Life) -> None:
        for it in life.consumers:
            life.task(it.rejoin())

    def wait(self, seconds: float) -> None:
        self.loop.jump(seconds)

    def _end_the_failed(self) -> None:
        if (failure := self.present.failure) is not None:
            complaints = [it for it in _leaves(failure) if isinstance(it, AssertionError)]
            assert not complaints, complaints
            if any(isinstance(it, ConfigurationError) for it in _leaves(failure)):
                # It says that its offsets are lost, and how to set them; the operator knows where they were.
                self.broker.committed.update(self._lost)
                self._lost = {}
            self.crash()
        for zombie in [it for it in self.zombies if it.failure is not None]:
            self.do(zombie.kill())
            self.zombies.remove(zombie)

    # What must hold.

    @abstractmethod
    def check(self) -> None:
        """Hold at any moment."""

    @abstractmethod
    def all_is_well(self) -> None:
        """Let nothing go wrong from now on."""

    @abstractmethod
    def is_settled(self) -> bool:
        """Tell whether nothing is left to be done."""

    @abstractmethod
    def check_the_end(self) -> None:
        """Hold when all is settled."""

    def settle(self) -> None:
        """Let all of it come to its end, within the time that the longest tier takes and a few breaths."""
        self.all_is_well()
        self.broker.failing = self.broker.doubtful = 0
        self.thaw()
        began = self.loop.time()
        while not self.is_settled():
            assert self.loop.time() < began + self.settles_within_seconds, f"stuck: {self.describe()}"
            self.run(6)
            self.loop.jump(max(0.5, self.seconds_to_next()))
            self.check()
        for _ in range(6):  # what hangs comes to an end, too
            self.loop.jump(10)
            self.run(6)

    def check_for_errors_of_ours(self) -> None:
        """Hold at any moment: agents set aside what an error of ours meets, and go on."""
        letters = [it for topic, log in self.broker.topics.items() if topic.endswith(DEAD_LETTER_SUFFIX) for it in log]
        reasons = [DeadLetterSource.from_headers(it.headers) for it in letters]
        assert [it for it in reasons if "error of ours" in it.detail] == []

    settles_within_seconds: float = 600.0

    def seconds_to_next(self) -> float:
        """Return for how long nothing is due but what agents do all the time."""
        return 0.0

    def describe(self) -> str:
        """Say what is left."""
        return f"{self.broker.committed}, {self.present.failure!r}"


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for it in error.exceptions for leaf in _leaves(it)]
    return [error]


class HistoryMachine(RuleBasedStateMachine):
    """The rules of every history; `crash` is a rule like any other. `world` is set by an `initialize` rule."""

    world: World

    @rule(turns=st.integers(1, 12))
    def run(self, turns: int) -> None:
        self.world.run(turns)

    @rule(turns=st.integers(1, 12))
    def run_more(self, turns: int) -> None:
        self.world.run(turns)

    @rule()
    def crash(self) -> None:
        self.world.crash()

    @rule(seconds=st.sampled_from([0.1, 0.5, 0.6]), turns=st.integers(1, 8))
    def crash_after_a_while(self, seconds: float, turns: int) -> None:
        self.world.wait(seconds)
        self.world.run(turns)
        self.world.crash()

    @rule()
    def stop(self) -> None:
        self.world.stop()

    @rule(back=st.booleans())
    def rebalance(self, back: bool) -> None:
        self.world.rebalance(back=back)

    @rule()
    def broker_fails(self) -> None:
        self.world.broker.failing += 1

    @rule()
    def a_transaction_is_in_doubt(self) -> None:
        self.world.broker.doubtful += 1

    @rule()
    def freeze(self) -> None:
        self.world.freeze()

    @rule()
    def replace(self) -> None:
        self.world.replace()

    @rule()
    def lose_offsets(self) -> None:
        self.world.lose_offsets()

    @rule()
    def thaw(self) -> None:
        self.world.thaw()

    @rule(seconds=st.sampled_from([0.5, 1, 5, 30, 120]))
    def time_passes(self, seconds: float) -> None:
        self.world.wait(seconds)

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "world"):
            self.world.check()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            try:
                self.world.settle()
                self.world.check_the_end()
            finally:
                self.world.close()
