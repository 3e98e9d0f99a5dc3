"""From a record to its turn: it becomes a notification, and lines up for its trunk's endpoint.

A notification is read at its first attempt from `sms.mt.status`, later from a retry tier. What nobody wants to have
ends here.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

from agents.posting_agent import FindWork
from pipeline.callbacks.batch import part_of
from pipeline.callbacks.endpoint import has_failover, peers_of
from pipeline.dead_letters.letter import place_of
from pipeline.directory.model import Directory
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.work import Work
from pipeline.posting.backlog import Backlog
from pipeline.posting.dispatcher import Dispatcher
from pipeline.posting.flows import Kind
from pipeline.posting.intake import Entry, Intake
from pipeline.posting.peers.known_peers import Peers
from pipeline.posting.peers.peer import Peer
from pipeline.posting.retry_schedule import RetrySchedule
from pipeline.posting.row import FlowKey, Row
from pipeline.steps.admission.submitted_record import describe
from schemas.directory.trunk import Trunk
from schemas.messages.callback import WaitingNotification
from schemas.messages.status import MessageStatus
from schemas.record import InRecord
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
    except Exception as error:  # noqa: BLE001  # whatever it is, it must not end the agent at each of its lives
        return Unreadable(work, place_of(error))
    return Notification(work, waiting.status, waiting.attempt, waiting.first_attempt_at, waiting.resent_at)


def entry_of(notification: Notification, trunk: Trunk | None, schedule: RetrySchedule) -> Entry[Notification]:
    """Return what the intake needs to know of a notification: it waits for its trunk's endpoint, in no order.

    It may wait for as long as the whole schedule takes, from its first attempt or, without one, its record on.
    """
    status, record = notification.status, notification.work.record
    began = notification.first_attempt_at
    peer, takers = peers_of(trunk, status, notification.attempt)
    began_ms = record.timestamp_ms if began is None else int(began.timestamp() * 1000)
    return Entry(
        FlowKey(peer, status.trunk_id, status.account_id or NO_ACCOUNT),
        lane_of(record),
        Kind.FRESH if record.topic == STATUS else Kind.LATER,
        record,
        notification,
        began_ms + schedule.total_seconds * 1000,
        takers=takers,
        movable=True,  # where the trunk gets a failover while it waits
        part=None if trunk is None or trunk.callbacks is None else part_of(trunk, status, notification.attempt),
    )


def lane_of(_: InRecord) -> int:
    """Return the lane of a record: notifications are in no order."""
    return 0


class LineUp:
    """Takes records in. `has_to_wait` ends what nobody wants to have, `expire` what has waited for too long."""

    def __init__(
        self,
        directory: Directory,
        has_to_wait: Callable[[Notification | Unreadable], bool],
        expire: Callable[[Notification], None],
        schedule: RetrySchedule,
        dispatcher: Dispatcher[Entry[Notification]],
        backlog: Backlog,
        peers: Peers,
        *,
        reach: Callable[[Peer], Awaitable[bool]],
        find_work: FindWork,
    ) -> None:
        self._directory = directory
        self._has_to_wait = has_to_wait
        self._end_expired = expire
        self._schedule = schedule
        self._find_work = find_work
        self.intake = Intake(
            dispatcher, backlog, peers, restore=self._restore, expire=self._expire, reach=reach,
            moves=self._has_failover,
        )  # fmt: skip

    def _has_failover(self, flow: FlowKey) -> bool:
        trunk = self._directory.trunk(flow.name)
        return trunk is not None and has_failover(trunk)

    async def take(self, _: TrackedConsumer, batch: Sequence[Work]) -> None:
        """Take in records that have come."""
        entries = (self._entry_of(work) for work in batch)
        await self.intake.take([it for it in entries if it is not None])

    def _entry_of(self, work: Work) -> Entry[Notification] | None:
        item = read(work)
        if not self._has_to_wait(item) or not isinstance(item, Notification):
            return None
        return entry_of(item, self._directory.trunk(item.status.trunk_id), self._schedule)

    def _restore(self, row: Row) -> Entry[Notification] | None:
        found = self._find_work(row)
        entry = None if found is None else self._entry_of(found[1])
        if entry is not None:
            entry.stored = row.stored
        return entry

    async def _expire(self, entry: Entry[Notification]) -> None:
        self._end_expired(entry.payload)
