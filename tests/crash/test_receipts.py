"""Rows 19 to 22: whatever dies between a carrier's receipt and its message's end, there is one end."""

import pytest

from schemas.messages.status import DeliveryName
from tests.arena.arena import Arena
from tests.crash.oracle import Oracle
from tests.crash.rows import receipts

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


def ends(oracle: Oracle) -> list[list[str]]:
    return [[it.status for it in found] for found in oracle.ends.values()]


ONE_EACH = [[DeliveryName.DELIVERED]] * 4


@pytest.mark.parametrize(
    "place", ["handoff.after_produce", "handoff.before_commit", "handoff.after_commit", "receipts.after_telling"]
)
async def test_row_19_a_roll_up_that_dies_has_told_and_knows_it_or_will(arena: Arena, place: str) -> None:
    """Before, in and after the transaction, and with nothing committed of what was read."""
    assert ends(await receipts.gathered_and_killed(arena, place)) == ONE_EACH


@pytest.mark.parametrize("place", ["ingress.receipt_before_produce", "ingress.receipt_after_acknowledge"])
async def test_row_20_a_receipt_whose_process_died_comes_again(arena: Arena, place: str) -> None:
    """The carrier has no answer and posts it again: stored once or twice, it is one end."""
    assert ends(await receipts.receipt_taken_and_killed(arena, place)) == ONE_EACH


async def test_row_20_a_receipt_that_was_answered_is_stored(arena: Arena) -> None:
    """The 200 is all that is needed: ingress dies right after it."""
    assert ends(await receipts.receipt_answered_and_killed(arena)) == ONE_EACH


@pytest.mark.parametrize("place", ["delivery.after_post", "delivery.after_outcome"])
async def test_row_21_receipts_wait_for_a_success_that_is_late(arena: Arena, place: str) -> None:
    """Delivery dies with the segment posted: the carrier reports long before the message is known as handed over."""
    assert ends(await receipts.receipts_before_the_success(arena, place)) == ONE_EACH


@pytest.mark.parametrize(("slot", "place"), [(20, "handoff.before_commit"), (30, "receipts.after_telling")])
async def test_row_22_whoever_takes_a_partition_over_knows_what_was_known(arena: Arena, slot: int, place: str) -> None:
    """A second process joins, the first one dies for good in the middle."""
    assert ends(await receipts.taken_over(arena, slot, place)) == ONE_EACH


async def test_row_22_a_roll_up_that_was_stopped_tells_nobody_what_was_told(arena: Arena) -> None:
    """It goes on (SIGCONT) right before it writes, and is fenced."""
    assert ends(await receipts.stopped(arena)) == ONE_EACH
