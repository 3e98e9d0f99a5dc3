"""The scheduler over thousands of histories in which the process dies, freezes and is replaced at any step."""

from collections.abc import Callable
from functools import cache
from random import Random

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from schemas.messages.status import StatusName
from tests.unit.machines import unprotected_scheduler as unprotected
from tests.unit.machines.history import STEPS, HistoryMachine, machine_settings
from tests.unit.machines.scheduler_world import BULK_ID, PUNCTUAL_SECONDS, SchedulerWorld

MACHINE = machine_settings(120)
WELL = 30
UNTIL_FOUND = 2000


class SchedulerMachine(HistoryMachine):
    """Everything that can happen to the scheduler; `crash` is a rule like any other."""

    world: SchedulerWorld

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        self.world = SchedulerWorld(seed)

    @rule(seconds=st.sampled_from([-5.0, 0.5, 2.0, 60.0, 86_400.0]), number=st.integers(11, 12), bulk=st.booleans())
    def schedule(self, seconds: float, number: int, bulk: bool) -> None:
        self.world.schedule(seconds, trunk_number=number, in_bulk=bulk)

    @rule(latest=st.integers(1, 3))
    def processor_repeats(self, latest: int) -> None:
        self.world.repeat(latest)

    @rule(place=st.integers(0, 5), number=st.integers(11, 12))
    def cancel(self, place: int, number: int) -> None:
        """One of the latest; by whom it is not, too."""
        if self.world.due:
            latest = list(self.world.due)[-6:]
            self.world.cancel(latest[place % len(latest)], number)

    @rule(number=st.integers(11, 12))
    def cancel_bulk(self, number: int) -> None:
        self.world.cancel(BULK_ID, number, bulk=True)

    @rule(blocked=st.booleans())
    def operator_blocks(self, blocked: bool) -> None:
        self.world.block_trunk(blocked=blocked)


def test_the_scheduler_keeps_its_promises_in_every_history() -> None:
    """Every message leaves once, none before its time, and none that nobody has cancelled is told to be."""
    run_state_machine_as_test(SchedulerMachine, settings=MACHINE)


def for_a_while(world: SchedulerWorld, seconds: float) -> None:
    """Let time pass in small steps, with everybody at work."""
    end = world.loop.time() + seconds
    while world.loop.time() < end:
        world.run(2)
        world.loop.jump(0.1)


def test_without_troubles_what_is_due_is_punctual_and_what_is_cancelled_is_not_sent() -> None:
    """A wish counts when it comes a few seconds before the time, whether the message or the wish came first."""
    world = SchedulerWorld(seed=3)
    try:
        sent = [world.schedule(60.0 + n / 4, trunk_number=11 + n % 2) for n in range(20)]
        early = "00000000-0000-0000-0000-000000000015"  # the number of the next one
        world.cancel(early)
        assert world.schedule(60) == early
        late = world.schedule(62)
        bulk = [world.schedule(61, in_bulk=True) for _ in range(3)]
        for_a_while(world, 40)
        world.cancel(late)
        world.cancel(sent[0], trunk_number=12)  # it is another's
        world.cancel(BULK_ID, bulk=True)
        for_a_while(world, 10)
        canceled = {early, late, *bulk}
        assert {it for it, told in world.statuses().items() if told.status == StatusName.CANCELED} == canceled
        for_a_while(world, 20)
        released = dict(world.released())
        assert set(released) == set(sent)
        late_seconds = [released[it] / 1000 - world.due[it].timestamp() for it in sent]
        assert 0 <= min(late_seconds) <= max(late_seconds) < PUNCTUAL_SECONDS
        world.settle()
        world.check_the_end()
    finally:
        world.close()


def anything_happens(seed: int) -> None:
    """A short walk: messages, wishes, deaths, freezes, rebalances, repetitions."""
    world, chance = SchedulerWorld(seed), Random(seed)
    may_happen: tuple[Callable[[], object], ...] = (
        lambda: world.schedule(chance.choice([-5.0, 0.5, 2.0])),
        lambda: world.schedule(chance.choice([0.5, 2.0])),
        lambda: world.cancel(chance.choice(list(world.due) or [BULK_ID])),
        lambda: world.repeat(2), world.crash, world.crash, world.freeze, world.thaw, world.replace,
        lambda: world.rebalance(back=chance.random() < 0.5),
        *[lambda turns=turns: world.run(turns) for turns in range(1, 9)],
        *[lambda seconds=seconds: world.wait(seconds) for seconds in (0.2, 0.5, 1.0, 3.0)],
    )  # fmt: skip
    try:
        for _ in range(STEPS):
            chance.choice(may_happen)()
            world.check()
        world.settle()
        world.check_the_end()
    finally:
        world.close()


@cache
def ends_well() -> None:
    """See every walk end well: once, for a walk and a seed are always the same."""
    for seed in range(WELL):
        anything_happens(seed)


@pytest.mark.parametrize(
    "sabotage",
    [
        unprotected.what_leaves_is_not_marked_in_the_same_transaction,
        unprotected.what_comes_is_not_written_with_its_commit,
        unprotected.repetitions_are_taken_in,
        unprotected.the_file_is_believed_whatever_the_topic_says,
        unprotected.the_store_forgets_before_the_topic_knows,
    ],
    ids=lambda it: it.__name__,
)
def test_a_protection_is_what_keeps_the_promise(
    sabotage: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With it every timing ends well, without it one is found that does not."""
    ends_well()
    sabotage(monkeypatch)
    for seed in range(UNTIL_FOUND):
        try:
            anything_happens(seed)
        except AssertionError:
            return
    pytest.fail("nothing was missed")
