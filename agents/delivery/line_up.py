"""Lets messages line up for their carrier: what an earlier life has begun is settled first, all else waits its turn."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from agents.delivery.deliver import Delivery
from agents.delivery.read import Reading, Unreadable, entry_of, read
from pipeline.carriers.journal import JournalState
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.work import Work
from pipeline.posting.backlog import Backlog, Row
from pipeline.posting.dispatcher import Dispatcher
from pipeline.posting.intake import Entry, Intake
from pipeline.posting.peer import Peer
from pipeline.posting.peers import Peers
from schemas.record import Coordinates

FindWork = Callable[[Row], tuple[TrackedConsumer, Work] | None]
"""Returns the work that a row stands for, with its consumer; None when its partition is not ours any more."""


class LineUp:
    """The way from a record to its turn. `spawn` makes a task of what ends by itself."""

    def __init__(
        self,
        delivery: Delivery,
        journal: JournalState,
        dispatcher: Dispatcher[Entry[Reading]],
        backlog: Backlog,
        peers: Peers,
        *,
        reach: Callable[[Peer], Awaitable[bool]],
        find_work: FindWork,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._delivery = delivery
        self._journal = journal
        self._backlog = backlog
        self._find_work = find_work
        self._spawn = spawn
        self._begun_parked: list[Coordinates] = []
        self.intake = Intake(
            dispatcher, backlog, peers, restore=self._restore, expire=self._expire, reach=reach
        )  # fmt: skip

    def settle_first(self, coordinates: Sequence[Coordinates]) -> None:
        """Settle these parked records, which an earlier life has begun, before anything that is read next."""
        self._begun_parked = list(coordinates)

    async def take(self, consumer: TrackedConsumer, batch: Sequence[Work]) -> None:
        """Take in records that have come."""
        await self._settle_parked()
        entries: list[Entry[Reading]] = []
        for work in batch:
            item = read(consumer, work)
            if isinstance(item, Unreadable):
                await self._delivery.refuse(item)
            elif self._journal.knows(work.record.coordinates):
                # Begun by an earlier life: what is known of it is settled before it may wait for anything.
                await self._delivery.settle(item)
            else:
                entries.append(entry_of(item))
        await self.intake.take(entries)

    async def _settle_parked(self) -> None:
        begun, self._begun_parked = self._begun_parked, []
        for coordinates in begun:
            row = self._backlog.find(*coordinates)
            if row is not None and (entry := self._restore(row)) is not None:
                self._backlog.drop([row])
                await self._delivery.settle(entry.payload)

    def _restore(self, row: Row) -> Entry[Reading] | None:
        found = self._find_work(row)
        if found is None:
            return None
        item = read(*found)
        if isinstance(item, Unreadable):
            self._spawn(self._delivery.refuse(item))
            return None
        entry = entry_of(item)
        entry.stored = row.stored
        return entry

    async def _expire(self, entry: Entry[Reading]) -> None:
        await self._delivery.settle(entry.payload)
