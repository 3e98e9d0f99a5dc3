"""What follows when a message stops on its way: it waits for another attempt, or ends.

Pure; the same rules for a first attempt and for one that comes out of a retry tier.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.posting.retry_after import retry_after_seconds
from pipeline.posting.retry_schedule import RetrySchedule
from schemas.directory.carrier import InDoubtPolicy
from schemas.messages.mt_message import MtMessage, WaitingMessage
from schemas.messages.status import (
    CANCELED_REASON,
    CodeId,
    MessageStatus,
    StatusName,
    StatusStage,
    UncheckedMessageStatus,
)
from schemas.text.smart_encoding import unchecked_changes
from schemas.unchecked import encode


class Progress(NamedTuple):
    """How far a message has come: the attempt that is under way, and when the first one was.

    `in_doubt` says that an earlier attempt at the next segment may have reached the carrier.
    """

    attempt: int
    first_attempt_at: datetime
    in_doubt: bool = False
    possible_duplicate: bool = False


class Stop(NamedTuple):
    """Where a message has stopped: at segment `seqnum`, `at` that time, with `result`; None when it was not tried."""

    seqnum: int
    result: AttemptResult | None
    at: datetime
    progress: Progress


class Wait(NamedTuple):
    """Write `waiting` to `topic` and try again when it is due."""

    topic: str
    waiting: WaitingMessage


class Success(NamedTuple):
    """The message has got through; `value` is its status as it goes to `sms.mt.status`."""

    value: bytes


def decide(
    message: MtMessage, stop: Stop, policy: InDoubtPolicy, schedule: RetrySchedule, why_not_tried: str
) -> Wait | MessageStatus:
    """Decide what follows. `why_not_tried` is said where there was no attempt.

    An attempt in doubt is followed by another only where the carrier's policy says so: with the key that the carrier
    honours, after asking it, or flagged as a possible duplicate. That the repetition is refused says nothing about what
    it repeats: doubt ends only by knowledge. The last delay repeats until the message's time to
    live has ended; what is in doubt then fails as in doubt. A carrier that says when to come again (`Retry-After`)
    decides the delay: the shortest that is not shorter. Without an attempt it is the shortest of all.

    What the carrier has definitely not taken, not one segment of it, goes to the next carrier, if there is another.
    They are tried in a ring, the delay growing with each round.
    """
    result, progress, onward = stop.result, stop.progress, message
    error: str | None
    if result is None:
        delay, error, attempt, in_doubt = (
            min(schedule.delays_seconds),
            why_not_tried,
            progress.attempt,
            progress.in_doubt,
        )
    else:
        in_doubt = result.outcome is Outcome.IN_DOUBT or progress.in_doubt
        if result.outcome is Outcome.REFUSED:
            reason = result.error or "refused by the carrier"
            if progress.in_doubt:
                return failed(message, CodeId.IN_DOUBT, f"in doubt, and its repetition refused: {reason}", stop)
            return failed(message, CodeId.ROUTING_FAILED, reason, stop)
        if in_doubt and policy is InDoubtPolicy.GIVE_UP:
            return failed(message, CodeId.IN_DOUBT, result.error or "in doubt", stop)
        error, attempt = result.error, progress.attempt + 1
        if fails_over(message, stop):
            delay = schedule.delays_seconds[_round(progress.attempt // len(message.carriers), schedule)]
            onward = message.through(message.carriers[1])
        else:
            delay = _delay_after(result, progress, schedule, stop.at)
    due_at = stop.at + timedelta(seconds=delay)
    if due_at >= message.expires_at:
        code = CodeId.IN_DOUBT if in_doubt else CodeId.ALL_ATTEMPTS_FAILED
        return failed(message, code, error or "expired", stop)
    again = result is not None and in_doubt and policy is InDoubtPolicy.RESEND
    waiting = WaitingMessage(
        message=onward,
        attempt=attempt,
        next_seqnum=stop.seqnum,
        first_attempt_at=progress.first_attempt_at,
        due_at=due_at,
        last_error=error or "not taken",
        in_doubt=in_doubt,
        possible_duplicate=progress.possible_duplicate or again,
    )
    return Wait(schedule.topic(delay), waiting)


def fails_over(message: MtMessage, stop: Stop) -> bool:
    """Tell whether the next carrier may have a message.

    Never in doubt, nor when a segment was accepted: two carriers would have parts of it, and no handset joins them.
    """
    return (
        message.alternatives is not None
        and stop.result is not None
        and stop.result.outcome is Outcome.NOT_TAKEN
        and stop.seqnum == 1
        and not stop.progress.in_doubt
    )


def _round(attempts: int, schedule: RetrySchedule) -> int:
    return min(max(attempts, 1), len(schedule.delays_seconds)) - 1


def _delay_after(result: AttemptResult, progress: Progress, schedule: RetrySchedule, now: datetime) -> int:
    asked = retry_after_seconds(result.retry_after, now)
    if asked is not None:
        return schedule.lasting(asked)
    return schedule.delays_seconds[_round(progress.attempt, schedule)]


def failed(message: MtMessage, code: CodeId, reason: str, stop: Stop) -> MessageStatus:
    """Return the final status of a message that did not get through."""
    return _ended(
        message,
        StatusName.FAILED,
        reason,
        stop.at,
        code_id=code,
        segments_sent=stop.seqnum - 1,
        price_per_segment=message.price_per_segment,
        currency=message.currency,
        carrier_id=message.carrier_id,
        possible_duplicate=stop.progress.possible_duplicate or None,
        text_changes=message.text_changes,
        national_language=message.national_language,
    )


def canceled_in_time(message: MtMessage, now: datetime) -> MessageStatus:
    """Return the final status of a message that was cancelled before any carrier had any of it."""
    return _ended(message, StatusName.CANCELED, CANCELED_REASON, now)


def _ended(message: MtMessage, status: StatusName, reason: str, at: datetime, **more: Any) -> MessageStatus:
    return MessageStatus(
        message_id=message.id,
        trunk_id=message.trunk_id,
        account_id=message.account_id,
        stage=StatusStage.PROCESSING,
        status=status,
        reason=reason,
        source=message.source,
        destination=message.destination,
        accepted_at=message.accepted_at,
        ended_at=at,
        segments_total=len(message.segments),
        client_reference=message.client_reference,
        tags=message.tags,
        campaign_id=message.campaign_id,
        callback_url=message.callback_url,
        **more,
    )


def succeeded(message: MtMessage, now: datetime, possible_duplicate: bool = False, *, whole: bool = False) -> Success:
    """Return the final status of a message all of whose segments the carrier has accepted; `whole`, by one POST."""
    count = len(message.segments)
    status = UncheckedMessageStatus(
        message_id=message.id,
        trunk_id=message.trunk_id,
        account_id=message.account_id,
        stage=StatusStage.PROCESSING,
        status=StatusName.SUCCESS,
        source=message.source,
        destination=message.destination,
        accepted_at=message.accepted_at,
        ended_at=now,
        segments_total=count,
        segments_sent=count,
        price_per_segment=message.price_per_segment,
        currency=message.currency,
        carrier_id=message.carrier_id,
        possible_duplicate=possible_duplicate or None,
        receipts=message.receipts,
        posts=1 if whole else None,
        client_reference=message.client_reference,
        tags=message.tags,
        campaign_id=message.campaign_id,
        text_changes=unchecked_changes(message.text_changes),
        national_language=message.national_language,
        callback_url=message.callback_url,
    )
    return Success(encode(status))
