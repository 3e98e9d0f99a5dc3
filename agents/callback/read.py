"""A record becomes a notification: a status at its first attempt, a waiting notification at a later one."""

from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

from pipeline.errors import AddressNotAllowed
from pipeline.http.url import endpoint
from pipeline.kafka.consuming.work import Work
from pipeline.steps.submitted_record import describe
from schemas.callback import WaitingNotification
from schemas.directory.trunk import Trunk
from schemas.status import MessageStatus, StatusStage
from schemas.topics import STATUS


class Notification(NamedTuple):
    """One attempt to be made.

    `attempt` counts from 1; `first_attempt_at` is None when it has never waited. `deferred` says how often in a row
    it has been moved on without an attempt, `resent_at` when an operator asked for the chain that it belongs to.
    """

    work: Work
    status: MessageStatus
    attempt: int = 1
    first_attempt_at: datetime | None = None
    deferred: int = 0
    resent_at: datetime | None = None


class Unreadable(NamedTuple):
    """A record that is not what its topic holds; `detail` says why, without its content."""

    work: Work
    detail: str


def read(work: Work) -> Notification | Unreadable:
    """Read a record of `sms.mt.status` or of a retry tier."""
    try:
        if work.record.topic == STATUS:
            return Notification(work, MessageStatus.from_bytes(work.record.value or b""))
        waiting = WaitingNotification.from_bytes(work.record.value or b"")
    except ValidationError as error:
        return Unreadable(work, describe(error))
    return Notification(
        work,
        waiting.status,
        waiting.attempt,
        waiting.first_attempt_at,
        waiting.deferred or 0,
        waiting.resent_at,
    )


def url_to_notify(trunk: Trunk, status: MessageStatus) -> str | None:
    """Return where the trunk, as it is configured now, wants to hear of `status`; None when it does not.

    A trunk that has been deleted is told how its last messages ended.
    """
    if status.stage is StatusStage.DELIVERY and not trunk.receipts_enabled:
        return None
    return trunk.callback_url


def origin_of(url: str) -> str:
    """Return scheme, host and port: what can be slow or down as one, and all of a URL that may be logged.

    The path and the query may hold a customer's secret.
    """
    try:
        return endpoint(url).origin
    except AddressNotAllowed:
        return "invalid"
