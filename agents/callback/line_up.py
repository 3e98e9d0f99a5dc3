"""Lets notifications line up for their endpoint, but for those that nobody wants to have."""

from collections.abc import Awaitable, Callable, Sequence

from agents.callback.notify import Notifier
from agents.callback.read import Notification, entry_of, read
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.work import Work
from pipeline.posting.backlog import Backlog, Row
from pipeline.posting.dispatcher import Dispatcher
from pipeline.posting.intake import Entry, Intake
from pipeline.posting.peer import Peer
from pipeline.posting.peers import Peers
from pipeline.posting.retry_schedule import RetrySchedule

FindWork = Callable[[Row], tuple[TrackedConsumer, Work] | None]
"""Returns the work that a row stands for, with its consumer; None when its partition is not ours any more."""


class LineUp:
    """The way from a record to its turn."""

    def __init__(
        self,
        notifier: Notifier,
        schedule: RetrySchedule,
        dispatcher: Dispatcher[Entry[Notification]],
        backlog: Backlog,
        peers: Peers,
        *,
        reach: Callable[[Peer], Awaitable[bool]],
        find_work: FindWork,
    ) -> None:
        self._notifier = notifier
        self._schedule = schedule
        self._find_work = find_work
        self.intake = Intake(
            dispatcher, backlog, peers, restore=self._restore, expire=self._expire, reach=reach
        )  # fmt: skip

    async def take(self, _: TrackedConsumer, batch: Sequence[Work]) -> None:
        """Take in records that have come."""
        entries = (self._entry_of(work) for work in batch)
        await self.intake.take([it for it in entries if it is not None])

    def _entry_of(self, work: Work) -> Entry[Notification] | None:
        item = read(work)
        if not self._notifier.has_to_wait(item) or not isinstance(item, Notification):
            return None
        return entry_of(item, self._schedule)

    def _restore(self, row: Row) -> Entry[Notification] | None:
        found = self._find_work(row)
        entry = None if found is None else self._entry_of(found[1])
        if entry is not None:
            entry.stored = row.stored
        return entry

    async def _expire(self, entry: Entry[Notification]) -> None:
        self._notifier.expire(entry.payload)
