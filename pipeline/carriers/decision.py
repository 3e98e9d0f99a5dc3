"""What follows from an attempt at a segment: go on, wait for another attempt, or end the message.

Pure; the same rules for a first attempt and for one that comes out of a retry tier.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.carriers.outcome import AttemptResult, Outcome
from schemas.directory import InDoubtPolicy
from schemas.mt_message import MtMessage
from schemas.retry import WaitingMessage
from schemas.status import CodeId, MessageStatus, StatusName, StatusStage
from schemas.topics import MT_RETRY, tier_topic


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a message has come: the attempt that is under way, and when the first one was.

    `in_doubt` says that an earlier attempt at the next segment may have reached the carrier.
    """

    attempt: int
    first_attempt_at: datetime
    in_doubt: bool = False
    possible_duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Write `waiting` to `topic` and try again when it is due."""

    topic: str
    waiting: WaitingMessage


def after_failure(
    message: MtMessage,
    seqnum: int,
    result: AttemptResult,
    policy: InDoubtPolicy,
    progress: Progress,
    delays_seconds: tuple[int, ...],
    now: datetime,
) -> Wait | MessageStatus:
    """Decide what follows when segment `seqnum` was not accepted.

    An attempt in doubt is followed by another only where the carrier's policy says so: with the key that the carrier
    honours, after asking it, or flagged as a possible duplicate. The last delay repeats until the message's time to
    live has ended; what is in doubt then fails as in doubt.
    """
    in_doubt = result.outcome is Outcome.IN_DOUBT
    if result.outcome is Outcome.REFUSED:
        return failed(message, CodeId.ROUTING_FAILED, result.error or "refused by the carrier", seqnum - 1, now)
    if in_doubt and policy is InDoubtPolicy.GIVE_UP:
        return failed(message, CodeId.IN_DOUBT, result.error or "in doubt", seqnum - 1, now)
    delay = delays_seconds[min(progress.attempt, len(delays_seconds)) - 1]
    due_at = now + timedelta(seconds=delay)
    if due_at >= message.expires_at:
        code = CodeId.IN_DOUBT if in_doubt else CodeId.ALL_ATTEMPTS_FAILED
        return failed(message, code, result.error or "expired", seqnum - 1, now, progress.possible_duplicate)
    waiting = WaitingMessage(
        message=message,
        attempt=progress.attempt + 1,
        next_seqnum=seqnum,
        first_attempt_at=progress.first_attempt_at,
        due_at=due_at,
        last_error=result.error or "not taken",
        in_doubt=in_doubt,
        possible_duplicate=progress.possible_duplicate or (in_doubt and policy is InDoubtPolicy.RESEND),
    )
    return Wait(tier_topic(MT_RETRY, delay), waiting)


def failed(
    message: MtMessage,
    code: CodeId,
    reason: str,
    segments_sent: int,
    now: datetime,
    possible_duplicate: bool = False,
) -> MessageStatus:
    """Return the final status of a message that did not get through."""
    return _status(message, StatusName.FAILED, segments_sent, now, possible_duplicate, code, reason)


def succeeded(message: MtMessage, now: datetime, possible_duplicate: bool = False) -> MessageStatus:
    """Return the final status of a message all of whose segments the carrier has accepted."""
    return _status(message, StatusName.SUCCESS, len(message.segments), now, possible_duplicate)


def _status(
    message: MtMessage,
    status: StatusName,
    segments_sent: int,
    now: datetime,
    possible_duplicate: bool,
    code_id: CodeId | None = None,
    reason: str | None = None,
) -> MessageStatus:
    return MessageStatus(
        message_id=message.id,
        trunk_id=message.trunk_id,
        account_id=message.account_id,
        stage=StatusStage.PROCESSING,
        status=status,
        code_id=code_id,
        reason=reason,
        source=message.source,
        destination=message.destination,
        accepted_at=message.accepted_at,
        ended_at=now,
        segments_total=len(message.segments),
        segments_sent=segments_sent,
        price_per_segment=message.price_per_segment,
        carrier_id=message.carrier_id,
        possible_duplicate=possible_duplicate or None,
    )
