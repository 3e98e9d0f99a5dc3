"""A record becomes a notification: a status at its first attempt, a waiting notification at a later one."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from pipeline.directory import Directory
from pipeline.errors import AddressNotAllowed
from pipeline.http_poster import endpoint
from pipeline.kafka.consumer import Work
from pipeline.submitted_record import describe
from schemas.callback import WaitingNotification
from schemas.directory import Trunk
from schemas.status import MessageStatus, StatusStage
from schemas.topics import STATUS


@dataclass(slots=True, frozen=True)
class Notification:
    """One attempt to be made. `attempt` counts from 1; `first_attempt_at` is None at the first."""

    work: Work
    status: MessageStatus
    attempt: int
    first_attempt_at: datetime | None


@dataclass(slots=True, frozen=True)
class Unreadable:
    """A record that is not what its topic holds; `detail` says why, without its content."""

    work: Work
    detail: str


def read(work: Work) -> Notification | Unreadable:
    """Read a record of `sms.mt.status` or of a retry tier."""
    try:
        if work.topic == STATUS:
            return Notification(work, MessageStatus.from_bytes(work.value or b""), 1, None)
        waiting = WaitingNotification.from_bytes(work.value or b"")
    except ValidationError as error:
        return Unreadable(work, describe(error))
    return Notification(work, waiting.status, waiting.attempt, waiting.first_attempt_at)


def endpoint_of(directory: Directory, item: Notification | Unreadable) -> str:
    """Return what `item` may have to wait for: its endpoint's origin, or nothing in particular."""
    if isinstance(item, Unreadable):
        return "unreadable"
    trunk = trunk_to_notify(directory, item.status)
    return "nobody" if trunk is None or trunk.callback_url is None else origin_of(trunk.callback_url)


def trunk_to_notify(directory: Directory, status: MessageStatus) -> Trunk | None:
    """Return the trunk whose endpoint wants to hear of `status`, as it is configured now; None when nobody does.

    A trunk that has been deleted is told how its last messages ended.
    """
    trunk = directory.trunk(status.trunk_id)
    if trunk is None or trunk.callback_url is None:
        return None
    if status.stage is StatusStage.DELIVERY and not trunk.receipts_enabled:
        return None
    return trunk


def origin_of(url: str) -> str:
    """Return scheme, host and port: what can be slow or down as one, and all of a URL that may be logged.

    The path and the query may hold a customer's secret.
    """
    try:
        return endpoint(url).origin_ascii
    except AddressNotAllowed:
        return "invalid"
