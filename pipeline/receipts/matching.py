"""Carriers that can be given no address report by an id of their own: which segment that is.

Pure. What a carrier calls a segment is known when it has answered the POST, and its receipt may be there before that.
So whichever comes first waits for the other. A carrier that counts in small numbers uses an id again: the segment that
it took last is meant.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from pipeline.receipts.verdict import STRENGTH
from schemas.dlr import ExpectedReceipt, SegmentReceipt, UnmatchedReceipt
from schemas.roll_up import Match


class MatchStep(NamedTuple):
    """What follows from a record: what is known now, None when all of it may be forgotten, and a receipt to pass on."""

    known: Match | None
    receipt: SegmentReceipt | None = None


def note_expected(known: Match | None, expected: ExpectedReceipt, patience: timedelta) -> MatchStep:
    """Take in which segment an id stands for; a receipt that has waited for it is passed on."""
    due_at = expected.accepted_at + patience
    early = None if known is None else known.early
    return MatchStep(Match(expected=expected, due_at=due_at), None if early is None else _about(expected, early))


def note_unmatched(known: Match | None, receipt: UnmatchedReceipt, patience: timedelta) -> MatchStep:
    """Take in a receipt: it is passed on, or waits until it is known which segment it is about."""
    if known is not None and known.expected is not None:
        return MatchStep(known, _about(known.expected, receipt))
    early = None if known is None else known.early
    if early is not None and STRENGTH[receipt.state] <= STRENGTH[early.state]:
        return MatchStep(known)
    return MatchStep(Match(early=receipt, due_at=receipt.received_at + patience))


def note_time(known: Match, now: datetime) -> MatchStep:
    """Take in that its time has come: it is forgotten, however it stands."""
    return MatchStep(known if now < known.due_at else None)


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
