"""What follows when a record does not end with its endpoint's 2xx: a place in a retry tier, or a dead letter."""

from datetime import datetime
from typing import Final

import structlog

from agents.callback.read import Notification
from pipeline.dead_letters.letter import dead_letter
from pipeline.kafka.consuming.work import Work
from pipeline.metrics import MESSAGES
from pipeline.posting.retry_schedule import NextAttempt, after_deferral, after_failure, outlived
from schemas.callback import WaitingNotification
from schemas.record import OutRecord
from schemas.topics import MAX_RECORD_BYTES

log = structlog.get_logger(__name__)

STAGE: Final = "callback"
EXHAUSTED: Final = "callback-exhausted"
UNREADABLE: Final = "schema-violation"
GONE: Final = "endpoint-gone"
DISABLED: Final = "endpoint-disabled"

# A record that fits, and its key, headers and the batch around it.
_LARGEST_WAITING_BYTES: Final = MAX_RECORD_BYTES - 4096

_waiting = MESSAGES.labels(STAGE, "waiting")
_deferred = MESSAGES.labels(STAGE, "deferred")
_exhausted = MESSAGES.labels(STAGE, "exhausted")


def refused(work: Work, reason: str, detail: str) -> OutRecord:
    """Return the dead letter of a record."""
    return dead_letter(work.record, stage=STAGE, reason=reason, detail=detail)


def failure_of(
    notification: Notification, why: str, now: datetime, delays_seconds: tuple[int, ...], at_least_seconds: float
) -> OutRecord:
    """Return what follows an attempt that failed, or one whose turn does not come back within the schedule."""
    attempt = notification.attempt
    following = after_failure(attempt, now, delays_seconds, at_least_seconds)
    if following is None or _outlived(notification, now, delays_seconds):
        _exhausted.inc()
        log.warning("gave_up", webhook_id=notification.status.webhook_id, attempts=attempt)
        return refused(notification.work, EXHAUSTED, f"attempt {attempt}: {why}")
    _waiting.inc()
    return _wait(notification, following, why, now, deferred=None)


def deferral_of(
    notification: Notification,
    why: str,
    now: datetime,
    delays_seconds: tuple[int, ...],
    at_least_seconds: float,
    *,
    soon: bool,
) -> OutRecord:
    """Return what follows when `notification` is moved on without an attempt."""
    following = after_deferral(
        notification.attempt, notification.deferred, now, delays_seconds, at_least_seconds, soon=soon
    )
    if following is None or _outlived(notification, now, delays_seconds):
        _exhausted.inc()
        return refused(notification.work, EXHAUSTED, f"before attempt {notification.attempt}: {why}")
    _deferred.inc()
    return _wait(notification, following, why, now, deferred=notification.deferred + 1)


def _outlived(notification: Notification, now: datetime, delays_seconds: tuple[int, ...]) -> bool:
    began = notification.first_attempt_at
    return began is not None and outlived(began, now, delays_seconds)


def _wait(
    notification: Notification, following: NextAttempt, why: str, now: datetime, *, deferred: int | None
) -> OutRecord:
    status = notification.status
    waiting = WaitingNotification(
        status=status,
        attempt=following.attempt,
        first_attempt_at=notification.first_attempt_at or now,
        due_at=following.due_at,
        last_error=why,
        deferred=deferred,
        resent_at=notification.resent_at,
    ).to_bytes()
    if len(waiting) > _LARGEST_WAITING_BYTES:
        return refused(notification.work, UNREADABLE, f"too large to wait: {len(waiting)} bytes")
    return OutRecord(following.topic, status.trunk_id.encode(), waiting)
