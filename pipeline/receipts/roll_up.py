"""One record more about a message: what is known now, and who is told.

Pure. The order of what comes does not matter: a receipt may be there before the status that says how many to wait for,
come twice, contradict an earlier one, or never come. Each trunk is told once, and what comes after that changes nothing
as long as the message is remembered.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from pipeline.receipts.verdict import WORDS, stronger, verdict
from schemas.messages.dlr import RECEIPT_WORDS, MessageState, SegmentOutcome, SegmentReceipt
from schemas.messages.status import MessageStatus, StatusStage
from schemas.state.roll_up import RollUp

REMEMBERED: Final = timedelta(days=1)
"""So long, and until waiting would have ended, a message is known whose trunk has been told: what repeats tells nobody
anew."""

MOST_TRUNKS: Final = 8
"""Trunks that wait for one message id. Ours are unique; a producer that gives one to a thousand messages gets nothing
for the others."""


class Step(NamedTuple):
    """What follows from a record: what is known now, None when all of it may be forgotten, and statuses to write."""

    known: RollUp | None
    statuses: tuple[MessageStatus, ...] = ()


def wants_receipts(status: MessageStatus) -> bool:
    """Tell whether a status begins to wait for receipts."""
    return status.stage is StatusStage.PROCESSING and status.receipts is True


def awaited_by(status: MessageStatus) -> int:
    """Return how many receipts a success waits for: one for each POST."""
    return status.posts or max(status.segments_total, 1)


def note_status(known: RollUp | None, status: MessageStatus, patience: timedelta) -> Step:
    """Take in a success that waits for receipts; one that is known already changes nothing."""
    due_at = status.ended_at + patience
    if known is None:
        known = RollUp(message_id=status.message_id, due_at=due_at)
    trunks = {it.trunk_id for it in known.waiting} | set(known.ended)
    if status.trunk_id in trunks or len(trunks) >= MOST_TRUNKS:
        return Step(known)
    return _end_what_can(
        known.model_copy(update={"waiting": (*known.waiting, status), "due_at": max(known.due_at, due_at)})
    )


def note_receipt(known: RollUp | None, receipt: SegmentReceipt, patience: timedelta) -> Step:
    """Take in a segment's receipt. One that says nothing new, or comes after the end, changes nothing."""
    if known is None:
        known = RollUp(message_id=receipt.message_id, due_at=receipt.received_at + patience)
    if known.ended and not known.waiting:
        return Step(known)
    told = outcome_of(receipt)
    before = next((it for it in known.segments if it.seqnum == told.seqnum), None)
    if before is not None and stronger(before, told) is before:
        return Step(known)
    others = [it for it in known.segments if it.seqnum != told.seqnum]
    segments = tuple(sorted([*others, told], key=lambda it: it.seqnum))
    return _end_what_can(known.model_copy(update={"segments": segments}), told.at)


def note_time(known: RollUp, now: datetime) -> Step:
    """Take in that what was due is due: whoever still waits is told what is known, and what is told is forgotten."""
    if now < known.due_at:
        return Step(known)
    if not known.waiting:
        return Step(None)
    return _end_what_can(known, now, time_is_over=True)


def outcome_of(receipt: SegmentReceipt) -> SegmentOutcome:
    """Return what of a receipt is kept. The carrier's clock is believed, but not that it is ahead of ours."""
    done_at = receipt.done_at
    return SegmentOutcome(
        seqnum=receipt.seqnum,
        state=receipt.state,
        error_code=None if receipt.error_code is None else receipt.error_code[:64],
        carrier_message_id=None if receipt.carrier_message_id is None else receipt.carrier_message_id[:128],
        at=receipt.received_at if done_at is None else min(done_at, receipt.received_at),
    )


def _end_what_can(known: RollUp, now: datetime | None = None, *, time_is_over: bool = False) -> Step:
    """Tell those who have waited long enough. `now` is when it ended; None: when the last receipt said."""
    waiting: list[MessageStatus] = []
    told: list[MessageStatus] = []
    for status in known.waiting:
        awaited = awaited_by(status)
        segments = tuple(it for it in known.segments if it.seqnum <= awaited)
        state = verdict((it.state for it in segments), awaited, time_is_over=time_is_over)
        if state is None:
            waiting.append(status)
            continue
        # A receipt may be there before the carrier's answer: the end is not before the success.
        ended_at = max([status.ended_at, now or status.ended_at, *(it.at for it in segments)])
        told.append(_final(status, state, segments, ended_at))
    if not told:
        return Step(known)
    return Step(
        known.model_copy(
            update={
                "waiting": tuple(waiting),
                "ended": (*known.ended, *(it.trunk_id for it in told)),
                "segments": known.segments if waiting else (),
                "due_at": max(known.due_at, *(it.ended_at + REMEMBERED for it in told)),
            }
        ),
        tuple(told),
    )


def _final(
    status: MessageStatus, state: MessageState, segments: tuple[SegmentOutcome, ...], ended_at: datetime
) -> MessageStatus:
    return status.model_copy(
        update={
            "stage": StatusStage.DELIVERY,
            "status": WORDS[state].value,
            "reason": _reason(state, segments, awaited_by(status)),
            "ended_at": ended_at,
            "receipts": None,
            "segments": segments or None,
            "text_changes": None,
            "national_language": None,
        }
    )


def _reason(state: MessageState, segments: tuple[SegmentOutcome, ...], awaited: int) -> str | None:
    """Say what did not go well, in the carriers' words; None when all did."""
    if state is MessageState.DELIVERED:
        return None
    told = [
        f"{_segment(it.seqnum, awaited)}{RECEIPT_WORDS[it.state]}" + (f" (error {it.error_code})" * bool(it.error_code))
        for it in segments
        if it.state is not MessageState.DELIVERED
    ]
    missing = awaited - len(segments)
    if missing:
        told.append("no receipt came in time" if awaited == 1 else f"no receipt of {missing} of {awaited} in time")
    return ", ".join(told[:10])


def _segment(seqnum: int, awaited: int) -> str:
    return "" if awaited == 1 else f"segment {seqnum}: "
