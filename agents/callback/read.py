"""A record becomes a notification: a status at its first attempt, a waiting notification at a later one."""

from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

from pipeline.errors import AddressNotAllowed
from pipeline.http.url import http_url
from pipeline.kafka.consuming.work import Work
from pipeline.posting.backlog import FlowKey
from pipeline.posting.flows import Kind
from pipeline.posting.intake import Entry
from pipeline.posting.retry_schedule import RetrySchedule
from pipeline.steps.submitted_record import describe
from schemas.callback import WaitingNotification
from schemas.directory.trunk import Trunk
from schemas.record import InRecord
from schemas.status import MessageStatus, StatusStage
from schemas.topics import STATUS

NO_ACCOUNT = ""
"""Stands for the account where the status does not name one: its trunk was not known when it was written."""


class Notification(NamedTuple):
    """One attempt to be made.

    `attempt` counts from 1; `first_attempt_at` is None when there was none. `resent_at` says when an operator asked
    for the chain that it belongs to.
    """

    work: Work
    status: MessageStatus
    attempt: int = 1
    first_attempt_at: datetime | None = None
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
    return Notification(work, waiting.status, waiting.attempt, waiting.first_attempt_at, waiting.resent_at)


def entry_of(notification: Notification, schedule: RetrySchedule) -> Entry[Notification]:
    """Return what the intake needs to know of a notification: it waits for its trunk's endpoint, in no order.

    It may wait for as long as the whole schedule takes, from its first attempt or, without one, its record on.
    """
    status, record = notification.status, notification.work.record
    began = notification.first_attempt_at
    began_ms = record.timestamp_ms if began is None else int(began.timestamp() * 1000)
    return Entry(
        FlowKey(status.trunk_id, status.trunk_id, status.account_id or NO_ACCOUNT),
        lane_of(record),
        Kind.FRESH if record.topic == STATUS else Kind.LATER,
        record,
        notification,
        began_ms + schedule.total_seconds * 1000,
    )


def lane_of(_: InRecord) -> int:
    """Return the lane of a record: notifications are in no order."""
    return 0


def url_to_notify(trunk: Trunk, status: MessageStatus) -> str | None:
    """Return where the trunk, as it is configured now, wants to hear of `status`; None when it does not.

    A trunk that has been deleted is told how its last messages ended.
    """
    if status.stage is StatusStage.DELIVERY and not trunk.receipts_enabled:
        return None
    return trunk.callback_url


def origin_of(url: str) -> str:
    """Return scheme, host and port: all of a URL that may be logged. Path and query may hold a customer's secret."""
    try:
        return http_url(url).origin
    except AddressNotAllowed:
        return "invalid"
