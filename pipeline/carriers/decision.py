"""What follows from an attempt at a segment, or from none: go on, wait for another attempt, or end the message.

Pure; the same rules for a first attempt and for one that comes out of a retry tier.
"""

from datetime import datetime, timedelta
from json.encoder import encode_basestring_ascii as _quoted
from typing import Final, NamedTuple

from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.posting.retry_after import retry_after_seconds
from schemas.directory.carrier import InDoubtPolicy
from schemas.mt_message import MtMessage, WaitingMessage
from schemas.status import CodeId, MessageStatus, StatusName, StatusStage
from schemas.topics import MT_RETRY, tier_topic

LONGEST_DEFERRAL_SECONDS: Final = 600  # a message that was not tried is looked at again soon after its carrier is back


class Progress(NamedTuple):
    """How far a message has come: the attempt that is under way, and when the first one was.

    `in_doubt` says that an earlier attempt at the next segment may have reached the carrier; `deferred` counts how
    many times in a row it has been moved on without an attempt.
    """

    attempt: int
    first_attempt_at: datetime
    in_doubt: bool = False
    possible_duplicate: bool = False
    deferred: int = 0


class Deferral(NamedTuple):
    """Why a message is moved on without an attempt.

    With `at_most_seconds` the carrier answers but has too much to do: waiting messages are spread over the tiers up to
    that time by `turn`, so that they do not all come back at once. Without it they wait longer each time, and from the
    first time on `at_least_seconds` where a tier is as long.
    """

    why: str
    at_most_seconds: float | None = None
    turn: int = 0
    at_least_seconds: float = 0.0


class Wait(NamedTuple):
    """Write `waiting` to `topic` and try again when it is due."""

    topic: str
    waiting: WaitingMessage


class Success(NamedTuple):
    """The message has got through; `value` is its status as it goes to `sms.mt.status`."""

    value: bytes


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
    live has ended; what is in doubt then fails as in doubt. A carrier that says when to come again (`Retry-After`)
    decides the delay: the shortest that is not shorter.
    """
    in_doubt = result.outcome is Outcome.IN_DOUBT or progress.in_doubt
    if result.outcome is Outcome.REFUSED:
        reason = result.error or "refused by the carrier"
        return failed(message, CodeId.ROUTING_FAILED, reason, seqnum - 1, now, progress.possible_duplicate)
    if in_doubt and policy is InDoubtPolicy.GIVE_UP:
        return failed(message, CodeId.IN_DOUBT, result.error or "in doubt", seqnum - 1, now)
    asked = retry_after_seconds(result.retry_after, now)
    if asked is None:
        delay = delays_seconds[min(progress.attempt, len(delays_seconds)) - 1]
    else:
        delay = min((it for it in delays_seconds if it >= asked), default=max(delays_seconds))
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


def after_no_attempt(
    message: MtMessage,
    seqnum: int,
    deferral: Deferral,
    progress: Progress,
    in_doubt: bool,
    delays_seconds: tuple[int, ...],
    now: datetime,
) -> Wait | MessageStatus:
    """Decide where a message waits that is not tried now, from segment `seqnum` on.

    Its attempts and its doubt stay as they are. The tiers up to ten minutes are used, each time a later one: many
    messages of a carrier that is down cost little then. One that would not live long enough waits less, and ends only
    when it would not outlive the shortest tier.
    """
    tiers = sorted({it for it in delays_seconds if it <= LONGEST_DEFERRAL_SECONDS}) or [min(delays_seconds)]
    delay = tiers[min(progress.deferred, len(tiers) - 1)]
    if deferral.at_most_seconds is not None:
        fitting = [it for it in tiers if it <= min(delay, deferral.at_most_seconds)] or tiers[:1]
        delay = fitting[deferral.turn % len(fitting)]
    elif deferral.at_least_seconds > delay:
        delay = next((it for it in tiers if it >= deferral.at_least_seconds), tiers[-1])
    left = (message.expires_at - now).total_seconds()
    if delay >= left:
        delay = max((it for it in tiers if it < left), default=0)
    if delay == 0:
        code = CodeId.IN_DOUBT if in_doubt else CodeId.ALL_ATTEMPTS_FAILED
        return failed(message, code, deferral.why, seqnum - 1, now, progress.possible_duplicate)
    waiting = WaitingMessage(
        message=message,
        attempt=progress.attempt,
        next_seqnum=seqnum,
        first_attempt_at=progress.first_attempt_at,
        due_at=now + timedelta(seconds=delay),
        last_error=deferral.why,
        deferred=progress.deferred + 1,
        in_doubt=in_doubt,
        possible_duplicate=progress.possible_duplicate,
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
    return MessageStatus(
        message_id=message.id,
        trunk_id=message.trunk_id,
        account_id=message.account_id,
        stage=StatusStage.PROCESSING,
        status=StatusName.FAILED,
        code_id=code,
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


def succeeded(message: MtMessage, now: datetime, possible_duplicate: bool = False) -> Success:
    """Return the final status of a message all of whose segments the carrier has accepted.

    Written by hand: nearly every message has one, and the model's way takes five times as long. Only the source may
    hold a character that needs quoting.
    """
    count = len(message.segments)
    price = message.price_per_segment
    more = "" if price is None else f',"price_per_segment":"{price}"'
    if possible_duplicate:
        more += ',"possible_duplicate":true'
    return Success(
        (
            f'{{"schema_version":1,"message_id":"{message.id}","trunk_id":"{message.trunk_id}",'
            f'"account_id":"{message.account_id}","stage":"processing","status":"Success",'
            f'"source":{_quoted(message.source)},"destination":"{message.destination}",'
            f'"accepted_at":"{message.accepted_at.isoformat()}","ended_at":"{now.isoformat()}",'
            f'"segments_total":{count},"segments_sent":{count},"carrier_id":"{message.carrier_id}"{more}}}'
        ).encode()
    )
