"""What the scheduler's topic says about our partitions, on disk: read when they come, and followed from then on."""

import asyncio
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import aclosing
from time import monotonic
from typing import Final

import structlog
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.scheduling.deferred_row import KeyedRecord
from pipeline.scheduling.deferred_store import DeferredStore

PAUSE_SECONDS: Final = 0.05
TAKE_MS: Final = 500

log = structlog.get_logger(__name__)


class Known:
    """Keeps `store` equal to the topic. `settling` is held by whoever changes it, or writes what follows from it.

    `give_back` is called now and then while much is read: it lets go of memory that is not used any more.
    """

    def __init__(
        self, follower: TopicFollower, store: DeferredStore, limit_seconds: float, give_back: Callable[[], None]
    ) -> None:
        self._follower = follower
        self._limit_seconds = limit_seconds
        self._give_back = give_back
        self._reading = asyncio.Lock()
        self._partitions: Set[int] = frozenset()
        self._is_told = False
        self.store = store
        self.settling = asyncio.Lock()

    async def read_ahead(self) -> None:
        """Where nothing is known, read all that there is until `assigned` says what is ours.

        The group waits for the session of a member that has died, which is as long as much of the reading. What has
        been read of others' partitions is forgotten then. Raises `BrokerUnreachable`.
        """
        async with self._reading, self.settling:
            if self._is_told or self.store.positions:
                return
            begins, ends = await self._follower.begins(), await self._follower.ends()
            self.store.begin_anew(())
            self._follower.begin_at(begins)
            async with aclosing(self._follower.read_to(ends, limit_seconds=self._limit_seconds)) as fetched:
                async for records in fetched:
                    self._take(records)
                    if self._is_told:
                        break

    async def assigned(self, committed: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Read what the topic says about what is ours now, and nothing else. Raises `BrokerUnreachable`."""
        self._is_told = True
        partitions = {place.partition for place in committed}
        # What is still being written belongs to them.
        async with self._reading, self.settling:
            self._partitions = partitions
            self.store.keep_only(partitions)
            self._follower.turn_to(partitions)
            if not partitions:
                self._follower.begin_at({})
                self.store.end_anew()
                return
            await self._catch_up()

    async def _catch_up(self) -> None:
        began, before = monotonic(), self.store.waiting
        begins, ends = await self._follower.begins(), await self._follower.ends()
        positions = {}
        for place in self._follower.places:
            known = self.store.positions.get(place.partition)
            # A file that knows more than the topic is of another one.
            positions[place] = known if known is not None and begins[place] <= known <= ends[place] else None
        if anew := [place.partition for place, position in positions.items() if position is None]:
            self.store.begin_anew(anew)
        self._follower.begin_at({place: begins[place] if it is None else it for place, it in positions.items()})
        async for records in self._follower.read_to(ends, limit_seconds=self._limit_seconds):
            self._take(records)
        self.store.end_anew()
        log.info(
            "schedule_read", partitions=len(self._partitions), anew=len(anew), waiting=self.store.waiting,
            waited_before=before, seconds=round(monotonic() - began, 1),
        )  # fmt: skip

    def _take(self, records: Sequence[KeyedRecord]) -> None:
        self.store.apply(records)
        self._give_back()  # a million records go through here

    async def follow(self) -> None:
        """Take in what comes, until cancelled."""
        while True:
            async with self._reading:
                records = await self._follower.take(timeout_ms=TAKE_MS) if self._partitions else []
                if records:
                    async with self.settling:
                        self._take(records)
            if not records:
                await asyncio.sleep(PAUSE_SECONDS)

    def begun(self, assignments: Mapping[TopicPartition, Assignment]) -> None:
        """Nothing is kept about what was begun: it is written with its commit."""

    def committed(self, place: TopicPartition, position: int) -> None:
        """What was written with it is read back."""

    def journal_end(self, partition: int) -> int | None:
        """There is no journal."""
        return None
