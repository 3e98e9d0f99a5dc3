"""The table of docs/delivery-receipts.md: which state a message has whose segments have these.

It does not depend on the order in which receipts come, nor on how often. Of one segment's receipts the strongest counts
(`STRENGTH`); a message is delivered when all of its segments are, and else has the gravest state of any (`GRAVITY`).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from schemas.messages.dlr import MessageState, SegmentOutcome
from schemas.messages.status import DeliveryName

STRENGTH: Final[Mapping[MessageState, int]] = {
    state: rank
    for rank, state in enumerate(
        (
            MessageState.ENROUTE,
            MessageState.ACCEPTED,
            MessageState.UNKNOWN,
            MessageState.SKIPPED,
            MessageState.DELETED,
            MessageState.EXPIRED,
            MessageState.UNDELIVERABLE,
            MessageState.REJECTED,
            MessageState.DELIVERED,
        )
    )
}
"""Of two receipts for one segment the one further on counts: an interim state never replaces a final one, whoever knows
nothing gives way to whoever knows something, and a handset that has confirmed outweighs a network that gave up."""

GRAVITY: Final[tuple[MessageState, ...]] = (
    MessageState.REJECTED,
    MessageState.UNDELIVERABLE,
    MessageState.EXPIRED,
    MessageState.DELETED,
    MessageState.SKIPPED,
    MessageState.UNKNOWN,
    MessageState.DELIVERED,
)
"""Final states of segments, the gravest first: the first one that a segment has is the message's."""

WORDS: Final[Mapping[MessageState, DeliveryName]] = {
    MessageState.DELIVERED: DeliveryName.DELIVERED,
    MessageState.EXPIRED: DeliveryName.EXPIRED,
    MessageState.DELETED: DeliveryName.DELETED,
    MessageState.UNDELIVERABLE: DeliveryName.FAILED,
    MessageState.UNKNOWN: DeliveryName.UNKNOWN,
    MessageState.REJECTED: DeliveryName.REJECTED,
    MessageState.SKIPPED: DeliveryName.SKIPPED,
}
"""The contract's words for what a message can end as."""


def stronger(one: SegmentOutcome, other: SegmentOutcome) -> SegmentOutcome:
    """Return which of two receipts for one segment counts; of two that say the same it is `one`."""
    return other if STRENGTH[other.state] > STRENGTH[one.state] else one


def verdict(states: Iterable[MessageState], awaited: int, *, time_is_over: bool) -> MessageState | None:
    """Return how a message ends of whose `awaited` segments these have a receipt; None when it has not ended yet.

    When the time is over, a segment without a final state is unknown.
    """
    final = [it for it in states if it.is_final]
    if len(final) < awaited:
        if not time_is_over:
            return None
        final.append(MessageState.UNKNOWN)
    return min(final, key=GRAVITY.index)
