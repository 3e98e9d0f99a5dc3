"""Slots: a limit that holds, and turns between first and later attempts."""

import asyncio

from pipeline.posting.slots import Slots


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def granted_in_turn(slots: Slots, waiting: dict[str, "asyncio.Task[bool]"], count: int) -> list[str]:
    """Give back `count` slots, one after the other; return who got them."""
    order: list[str] = []
    for _ in range(count):
        slots.release()
        await settle()
        order += [name for name, task in waiting.items() if task.done() and name not in order]
    return order


def test_a_limit_holds() -> None:
    """As many as there are, and one more for each that is given back."""
    slots = Slots(2)
    assert [slots.take() for _ in range(3)] == [True, True, False]
    slots.release()
    assert [slots.take() for _ in range(2)] == [True, False]


async def test_first_attempts_get_three_turns_of_four_and_nobody_starves() -> None:
    """A storm of either kind leaves the other its share, also with a single slot."""
    slots = Slots(1)
    assert slots.take()
    names = [f"later {n}" for n in range(4)] + [f"first {n}" for n in range(4)]
    waiting = {name: asyncio.create_task(slots.wait(later=name.startswith("later"))) for name in names}
    await settle()
    order = await granted_in_turn(slots, waiting, 8)
    assert order == [
        "first 0", "first 1", "first 2", "later 0", "first 3", "later 1", "later 2", "later 3",
    ]  # fmt: skip


async def test_a_raised_limit_lets_in_who_waits() -> None:
    """A change of the carrier's setting needs no release to count."""
    slots = Slots(0)
    waiting = [asyncio.create_task(slots.wait(later=False)) for _ in range(3)]
    await settle()
    slots.limit = 2
    await settle()
    assert [task.done() for task in waiting] == [True, True, False]
    slots.limit = 1  # nobody is thrown out, and nobody let in before there is room
    slots.release()
    await settle()
    assert [task.done() for task in waiting] == [True, True, False]
    slots.release()
    assert await waiting[2]


async def test_who_waits_can_be_sent_away() -> None:
    """Refused callers hold nothing."""
    slots = Slots(1)
    assert slots.take()
    waiting = [asyncio.create_task(slots.wait(later=later)) for later in (False, True)]
    await settle()
    slots.refuse()
    assert await asyncio.gather(*waiting) == [False, False]
    assert slots.taken == 1


async def test_a_caller_that_is_cancelled_leaves_no_slot_behind() -> None:
    """Before it was granted or in the moment after: the slot goes to the next."""
    slots = Slots(1)
    assert slots.take()
    before, after, following = [asyncio.create_task(slots.wait(later=False)) for _ in range(3)]
    await settle()
    before.cancel()
    await settle()
    slots.release()  # granted to `after`, which is cancelled before it runs
    after.cancel()
    await settle()
    assert await following
    assert slots.taken == 1
