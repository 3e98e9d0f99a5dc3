"""Carriers that can be given no address report by an id of their own: which segment that is.

Pure. What a carrier calls a segment is known when it has answered the POST, and its receipt may be there before that.
So whichever comes first waits for the other; a carrier that does not report by itself is asked when it is time. One
that counts in small numbers uses an id again: the segment that it took last is meant.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from pipeline.receipts.verdict import STRENGTH
from schemas.messages.dlr import ExpectedReceipt, SegmentReceipt, UnmatchedReceipt
from schemas.state.roll_up import Match

LONGEST_PAUSE: Final = timedelta(hours=1)
"""Between two questions about one segment."""


class MatchStep(NamedTuple):
    """What follows: what is known now, None when all of it may be forgotten; a receipt to pass on; what to ask for."""

    known: Match | None
    receipt: SegmentReceipt | None = None
    ask: ExpectedReceipt | None = None


def note_expected(
    known: Match | None, expected: ExpectedReceipt, patience: timedelta, every: timedelta | None = None
) -> MatchStep:
    """Take in which segment an id stands for; a receipt that has waited for it is passed on.

    With `every` the carrier does not report by itself, and is asked.
    """
    due_at = expected.accepted_at + (patience if every is None else min(every, patience))
    early = None if known is None else known.early
    step = MatchStep(Match(expected=expected, due_at=due_at))
    return step if early is None else _passed_on(step.known, expected, early, patience)


def note_unmatched(known: Match | None, receipt: UnmatchedReceipt, patience: timedelta) -> MatchStep:
    """Take in a receipt: it is passed on, or waits until it is known which segment it is about."""
    if known is not None and known.expected is not None:
        return _passed_on(known, known.expected, receipt, patience)
    early = None if known is None else known.early
    if early is not None and STRENGTH[receipt.state] <= STRENGTH[early.state]:
        return MatchStep(known)
    return MatchStep(Match(early=receipt, due_at=receipt.received_at + patience))


def note_time(
    known: Match, now: datetime, patience: timedelta, every: timedelta | None = None, *, has_room: bool = True
) -> MatchStep:
    """Take in that its time has come: it is asked for with `every`, and forgotten in the end, however it stands.

    Without room for a question it is the next one's turn a little later.
    """
    expected = known.expected
    if now < known.due_at:
        return MatchStep(known)
    if expected is None or every is None or now >= (ends := expected.accepted_at + patience):
        return MatchStep(None)
    pause = every if not has_room else min(LONGEST_PAUSE, max(every, now - expected.accepted_at))
    later = known.model_copy(update={"due_at": min(ends, now + pause)})
    return MatchStep(later, ask=expected if has_room else None)


def _passed_on(
    known: Match | None, expected: ExpectedReceipt, receipt: UnmatchedReceipt, patience: timedelta
) -> MatchStep:
    if known is not None and receipt.state.is_final:  # nobody is asked again
        known = known.model_copy(update={"due_at": expected.accepted_at + patience})
    return MatchStep(known, _about(expected, receipt))


def _about(expected: ExpectedReceipt, receipt: UnmatchedReceipt) -> SegmentReceipt:
    return SegmentReceipt(
        message_id=expected.message_id,
        seqnum=expected.seqnum,
        carrier_id=receipt.carrier_id,
        carrier_message_id=receipt.carrier_message_id,
        state=receipt.state,
        error_code=receipt.error_code,
        done_at=receipt.done_at,
        received_at=receipt.received_at,
    )
