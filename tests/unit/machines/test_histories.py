"""Histories that a random walk seldom takes, each with many timings: what happens with and without a protection."""

from collections.abc import Callable
from functools import cache, partial
from random import Random

import pytest

from schemas.directory.carrier import InDoubtPolicy
from tests.unit.machines import unprotected
from tests.unit.machines.callback_world import CallbackWorld
from tests.unit.machines.delivery_world import Behaviour, CarrierInMemory, DeliveryWorld
from tests.unit.machines.history import STEPS

WELL = 40  # timings in which the protection must hold
UNTIL_FOUND = 2000  # timings in one of which what it is for must be seen

Sabotage = Callable[[pytest.MonkeyPatch], None]
History = Callable[[int], None]


def for_a_while(world: DeliveryWorld | CallbackWorld, seconds: float) -> None:
    """Let time pass in small steps, with everybody at work."""
    end = world.loop.time() + seconds
    while world.loop.time() < end:
        world.run(2)
        world.wait(0.2)


def end(world: DeliveryWorld | CallbackWorld) -> None:
    try:
        world.settle()
        world.check_the_end()
    finally:
        world.close()


def a_repetition_is_refused(seed: int) -> None:
    """The first POST was taken, and nobody heard of it."""
    world = DeliveryWorld(InDoubtPolicy.RESEND_WITH_KEY, seed)
    world.carrier.script.extend((Behaviour.TAKES_AND_IS_SILENT, Behaviour.REFUSES))
    world.accept(0, 1, 3600)
    for_a_while(world, 15)
    end(world)


def a_carrier_is_deleted_meanwhile(seed: int) -> None:
    """It had taken the first POST, and nobody heard of it."""
    world = DeliveryWorld(InDoubtPolicy.RESEND_WITH_KEY, seed)
    world.carrier.script.append(Behaviour.TAKES_AND_IS_SILENT)
    world.accept(0, 1, 3600)
    for_a_while(world, 2)
    world.delete_carrier()
    for_a_while(world, 15)
    end(world)


def a_process_dies_while_the_second_carrier_has_a_message(seed: int) -> None:
    """It had moved on by itself, and only the marks tell where to."""
    world = DeliveryWorld(InDoubtPolicy.QUERY, seed)
    world.carrier.script.extend([Behaviour.CANNOT_BE_REACHED] * 30)
    for _ in range(5):
        world.accept(1, 1, 3600)
        for_a_while(world, 0.5)
    for_a_while(world, 8)
    world.other.script.append(Behaviour.TAKES_AND_HANGS)
    world.accept(0, 1, 3600, has_other=True)
    world.run(2 + seed % 5)
    world.crash()
    end(world)


def a_carrier_goes_away_in_the_middle_of_a_message(seed: int) -> None:
    """It has taken the first segment, and another carrier would take the message, too."""
    world = DeliveryWorld(InDoubtPolicy.GIVE_UP, seed)
    world.carrier.script.extend([Behaviour.TAKES, Behaviour.THROTTLES, *[Behaviour.CANNOT_BE_REACHED] * 40])
    world.accept(0, 2, 3600, has_other=True)
    for _ in range(6):
        world.accept(1, 1, 3600)
        for_a_while(world, 0.5)
    for_a_while(world, 20)
    end(world)


def a_process_dies_at_a_commit(seed: int) -> None:
    """Something goes to the next tier with it."""
    world = DeliveryWorld(InDoubtPolicy.GIVE_UP, seed)
    world.carrier.script.append(Behaviour.THROTTLES)
    world.accept(0, 1, 3600)
    world.run(1 + seed % 7)
    world.wait(0.6)
    world.run(1 + seed % 3)
    world.crash()
    end(world)


def a_process_is_frozen_with_messages_at_work(seed: int) -> None:
    """Another takes its place, and later it goes on."""
    world, chance = DeliveryWorld(InDoubtPolicy.GIVE_UP, seed), Random(seed)
    for _ in range(8):
        chance.choice(
            (world.freeze, world.thaw, partial(world.accept, 0, 1, 3600), partial(world.run, chance.randrange(5)))
        )()
    end(world)


def a_stopped_process_is_replaced(seed: int) -> None:
    """Another is started with its environment, and soon it goes on."""
    world, chance = DeliveryWorld(InDoubtPolicy.GIVE_UP, seed), Random(seed)
    for _ in range(8):
        chance.choice(
            (world.replace, world.thaw, partial(world.accept, 0, 1, 3600), partial(world.run, chance.randrange(5)))
        )()
    end(world)


def a_post_hangs_over_a_rebalance(seed: int) -> None:
    """The group does not wait for it; it is answered while another settles what is known of it."""
    world, chance = DeliveryWorld(InDoubtPolicy.GIVE_UP, seed), Random(seed)
    world.carrier.script.append(Behaviour.TAKES_AND_HANGS)
    world.accept(0, 1, 3600)
    world.run(1 + chance.randrange(6))
    world.rebalance(back=False)
    for_a_while(world, chance.uniform(0, 40))
    end(world)


def offsets_are_lost(seed: int) -> None:
    """A message had waited in a tier, and was taken."""
    world = DeliveryWorld(InDoubtPolicy.GIVE_UP, seed)
    world.carrier.script.append(Behaviour.THROTTLES)
    world.accept(0, 1, 3600)
    for_a_while(world, 10)
    world.lose_offsets()
    end(world)


def offsets_are_lost_when_all_was_parked(seed: int) -> None:
    """Nothing was ever posted: the carrier is blocked, and what waits for it was moved out of its topic."""
    world = DeliveryWorld(InDoubtPolicy.RESEND, seed)
    world.route(blocked=True)
    for _ in range(2):
        world.accept(0, 1, 3600)
    for_a_while(world, 3 + seed % 5)
    world.rebalance(back=False)
    world.lose_offsets()
    end(world)


def transactions_are_taken_over_as_partitions_go(seed: int) -> None:
    """By processes that had been frozen as they began: what was to go to the next tier is written by nobody."""
    world, chance = CallbackWorld(seed), Random(seed)
    world.usually = None
    for _ in range(chance.randrange(1, 4)):
        world.freeze()
    for _ in range(6):
        world.end_a_message()
    world.run(chance.randrange(5, 13))
    world.thaw()
    world.rebalance(back=False)
    world.usually = 200
    end(world)


def anything_happens(seed: int) -> None:
    """A short walk through all that can: messages, a carrier's moods, deaths, rebalances, a broker that fails."""
    chance = Random(seed)
    world = DeliveryWorld(InDoubtPolicy.GIVE_UP, seed)

    def fail() -> None:
        world.broker.failing += 1

    def accept() -> None:
        world.accept(chance.randrange(2), chance.randrange(1, 4), 3600, has_other=chance.random() < 0.5)

    def change(carrier: CarrierInMemory) -> None:
        carrier.script.extend(chance.choices(tuple(Behaviour), k=3))

    may_happen: tuple[Callable[[], object], ...] = (
        accept, accept, accept, partial(change, world.carrier), partial(change, world.other), world.crash, world.stop,
        world.freeze, world.thaw, world.replace, fail, partial(world.rebalance, back=False),
        partial(world.rebalance, back=True), partial(world.repeat, 2), world.lose_offsets,
        *[partial(world.run, turns) for turns in range(1, 9)],
        *[partial(world.wait, seconds) for seconds in (0.5, 1.0, 5.0, 30.0)],
    )  # fmt: skip
    try:
        for _ in range(STEPS):
            chance.choice(may_happen)()
            world.check()
        world.settle()
        world.check_the_end()
    finally:
        world.close()


def a_clock_is_put_back(seed: int) -> None:
    """Notifications wait in a tier, one behind the other."""
    world = CallbackWorld(seed)
    world.usually = 404
    for _ in range(6):
        world.end_a_message()
        for_a_while(world, 0.1)
    world.put_clock(-3600.0)
    world.usually = 200
    world.settles_within_seconds = 15.0  # and not in six times the tier's delay
    end(world)


@cache
def ends_well(history: History) -> None:
    """See every timing end well: once, for a history and a seed are always the same."""
    for seed in range(WELL):
        history(seed)


@pytest.mark.parametrize(
    ("history", "sabotage"),
    [
        (a_repetition_is_refused, unprotected.a_refusal_ends_doubt),
        (a_carrier_is_deleted_meanwhile, unprotected.a_deleted_carrier_has_taken_nothing),
        (a_process_dies_while_the_second_carrier_has_a_message, unprotected.marks_do_not_say_whose_they_are),
        (a_carrier_goes_away_in_the_middle_of_a_message, unprotected.the_rest_of_a_message_goes_to_the_next_carrier),
        (a_process_dies_at_a_commit, unprotected.the_next_tier_is_not_in_the_transaction),
        (a_process_is_frozen_with_messages_at_work, unprotected.membership_is_not_asked_for),
        (a_stopped_process_is_replaced, unprotected.whoever_is_started_has_the_same_slot),
        (a_post_hangs_over_a_rebalance, unprotected.what_hangs_is_not_lost_with_its_partition),
        (offsets_are_lost, unprotected.a_group_without_offsets_is_new),
        (offsets_are_lost_when_all_was_parked, unprotected.only_marks_show_that_a_group_has_worked),
        (transactions_are_taken_over_as_partitions_go, unprotected.what_was_to_be_handed_on_is_passed),
        *[
            (anything_happens, sabotage)
            for sabotage in (
                unprotected.a_failed_rebalance_is_only_logged,
                unprotected.trust_counts_from_the_end_of_taking_over,
                unprotected.marks_are_not_durable,
                unprotected.the_commit_comes_before_the_work,
                unprotected.doubt_is_forgotten,
                unprotected.repetitions_are_not_told,
                unprotected.doubt_goes_to_the_next_carrier,
            )
        ],
        (a_clock_is_put_back, unprotected.each_record_of_a_tier_is_judged_by_itself),
    ],
    ids=lambda it: it.__name__,
)
def test_a_protection_is_what_keeps_the_promise(
    history: History, sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With it every timing ends well, without it one is found that does not."""
    ends_well(history)
    sabotage(monkeypatch)
    for seed in range(UNTIL_FOUND):
        try:
            history(seed)
        except AssertionError:
            return
    pytest.fail("nothing was missed")
