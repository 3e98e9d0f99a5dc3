"""What follows when a record does not end with its endpoint's 2xx: a place in a retry tier, or a dead letter."""

from datetime import datetime, timedelta
from typing import Final

import structlog

from agents.callback.line_up import Notification
from pipeline.dead_letters.letter import announce, dead_letter
from pipeline.kafka.consuming.work import Work
from pipeline.metrics import MESSAGES
from pipeline.posting.retry_schedule import RetrySchedule
from schemas.headers.trace import carried
from schemas.messages.callback import WaitingNotification
from schemas.record import OutRecord
from schemas.topics import MAX_RECORD_BYTES

log = structlog.get_logger(__name__)

STAGE: Final = "callback"
EXHAUSTED: Final = "callback-exhausted"
UNREADABLE: Final = "schema-violation"
GONE: Final = "endpoint-gone"
DISABLED: Final = "endpoint-disabled"
announce(STAGE, EXHAUSTED, GONE, DISABLED)

# A record that fits, and its key, headers and the batch around it.
_LARGEST_WAITING_BYTES: Final = MAX_RECORD_BYTES - 4096

_waiting = MESSAGES.labels(STAGE, "waiting")
_exhausted = MESSAGES.labels(STAGE, "exhausted")


def refused(work: Work, reason: str, detail: str) -> OutRecord:
    """Return the dead letter of a record."""
    return dead_letter(work.record, stage=STAGE, reason=reason, detail=detail)


def exhausted(notification: Notification, why: str) -> OutRecord:
    """Return the dead letter of a notification that has been tried, or has waited, for as long as it may."""
    _exhausted.inc()
    log.warning("gave_up", webhook_id=notification.status.webhook_id, attempts=notification.attempt)
    return refused(notification.work, EXHAUSTED, why)


def after_failure(
    notification: Notification, why: str, now: datetime, schedule: RetrySchedule, at_least_seconds: float
) -> OutRecord:
    """Return what follows an attempt that failed.

    It waits in the tier whose turn it is, or in the shortest longer one that lasts for `at_least_seconds`; after the
    last tier, or when the whole schedule is over, it is a dead letter.
    """
    attempt, began = notification.attempt, notification.first_attempt_at or now
    seconds = schedule.after(attempt)
    if seconds is None or (now - began).total_seconds() > schedule.total_seconds:
        return exhausted(notification, f"attempt {attempt}: {why}")
    if at_least_seconds > seconds:
        seconds = max(seconds, schedule.lasting(at_least_seconds))
    waiting = WaitingNotification(
        status=notification.status,
        attempt=attempt + 1,
        first_attempt_at=began,
        due_at=now + timedelta(seconds=seconds),
        last_error=why,
        resent_at=notification.resent_at,
    ).to_bytes()
    if len(waiting) > _LARGEST_WAITING_BYTES:
        return refused(notification.work, UNREADABLE, f"too large to wait: {len(waiting)} bytes")
    _waiting.inc()
    trace = carried(notification.work.record.headers)
    return OutRecord(schedule.topic(seconds), notification.status.trunk_id.encode(), waiting, trace)
