"""What every history has: a process that may die, freeze and be replaced at any step, and time that passes."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, Final, Protocol

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.unit.machines.broker_in_memory import SESSION_SECONDS, Broker, Life, Member
from tests.unit.machines.virtual_time import CLOCK, VirtualLoop

STEPS: Final = 30


def machine_settings(histories: int) -> settings:
    """Return what a machine runs with."""
    return settings(
        max_examples=histories,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


class AgentLife(Protocol):
    """One life of an agent."""

    life: Life

    @property
    def members(self) -> tuple[Member, ...]:
        """What consumes in it."""

    async def begin(self) -> None:
        """Join the group with what is durable."""


class World(ABC):
    """A history: what is durable, and the lives on it."""

    def __init__(self, seed: int) -> None:
        self.loop = VirtualLoop()
        CLOCK.seconds = self.loop.time
        self.random = Random(seed)
        self.broker = Broker()
        self.zombies: list[AgentLife] = []
        self.present: AgentLife

    def close(self) -> None:
        for it in [*self.zombies, self.present]:
            it.life.thaw()
            self.do(it.life.kill())
        self.loop.close()

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(work)

    @abstractmethod
    def new_life(self) -> AgentLife:
        """Return a life that has not begun."""

    def begin(self) -> None:
        """Start a process in the place of the present one."""
        self.present = self.new_life()
        self.do(self.present.begin())

    # What may happen.

    def run(self, turns: int) -> None:
        """Let the present life, and what a zombie does, go on for a while."""

        async def turn() -> None:
            for _ in range(turns):
                for member in self.present.members:
                    member.fetch()
                await asyncio.sleep(0)

        self.do(turn())
        self._end_the_failed()

    def start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin something in the present life."""

        async def begin() -> None:
            self.present.life.task(work())

        self.do(begin())

    def commit(self, turns: int) -> None:
        """Begin to commit, and get some way with it."""
        for member in self.present.members:
            self.start(member.commit)
        self.run(turns)

    def crash(self) -> None:
        self.do(self.present.life.kill())
        self.begin()

    def freeze(self) -> None:
        """The process stops for longer than a session lasts, and another takes its place."""
        self.present.life.freeze()
        self.zombies.append(self.present)
        self.loop.jump(SESSION_SECONDS + 1)
        self.begin()

    def thaw(self) -> None:
        for zombie in self.zombies:
            zombie.life.thaw()

    def wait(self, seconds: float) -> None:
        self.loop.jump(seconds)

    def _end_the_failed(self) -> None:
        if (failure := self.present.life.failure) is not None:
            assert not isinstance(failure, AssertionError), failure
            self.crash()
        for zombie in [it for it in self.zombies if it.life.failure is not None]:
            self.do(zombie.life.kill())
            self.zombies.remove(zombie)

    @property
    def busy(self) -> bool:
        """Whether any life still works on something."""
        return any(member.busy for it in [self.present, *self.zombies] for member in it.members)

    # What must hold.

    @abstractmethod
    def check(self) -> None:
        """Hold at any moment."""

    @abstractmethod
    def settle(self) -> None:
        """Let everything come to its end."""

    @abstractmethod
    def check_the_end(self) -> None:
        """Hold when all is settled."""


class HistoryMachine(RuleBasedStateMachine):
    """The rules of every history; `crash` is a rule like any other. `world` is set by an `initialize` rule."""

    world: World

    @rule(turns=st.integers(1, 12))
    def run(self, turns: int) -> None:
        self.world.run(turns)

    @rule(turns=st.integers(1, 12))
    def run_more(self, turns: int) -> None:
        self.world.run(turns)

    @rule(turns=st.integers(0, 8))
    def commit(self, turns: int) -> None:
        self.world.commit(turns)

    @rule()
    def crash(self) -> None:
        self.world.crash()

    @rule(turns=st.integers(0, 8))
    def crash_in_a_commit(self, turns: int) -> None:
        self.world.commit(turns)
        self.world.crash()

    @rule()
    def freeze(self) -> None:
        self.world.freeze()

    @rule()
    def thaw(self) -> None:
        self.world.thaw()

    @rule(seconds=st.sampled_from([1, 5, 30, 120]))
    def time_passes(self, seconds: int) -> None:
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
