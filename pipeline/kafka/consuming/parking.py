"""Moves what waits long out of the way of commits: into a compacted topic, where it waits for its peer.

What waits on disk (`pipeline/posting/backlog.py`) is a view: its records lie where they were read, and no commit can
pass them. When a partition's position stands still over such records, the oldest of them are written to the parking
topic in the transaction of the commit that passes them; each is in exactly one place, whatever is killed. A record that
is done is deleted there by its key, and compaction forgets it: a restart reads what still waits, and little more.

Partition n of the parking topic belongs to who has partition n of the main topic.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from aiokafka import TopicPartition

from pipeline.dead_letters.letter import dead_letter
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.posting.backlog import Backlog
from pipeline.posting.row import FlowKey, Row, Stored
from pipeline.settings import KafkaSettings
from schemas.headers.parked import Parked, read_at, settled
from schemas.identifiers import uuid7
from schemas.record import InRecord, OutRecord

log = structlog.get_logger(__name__)

STAGE: Final = "parking"
UNREADABLE: Final = "schema-violation"
STANDS_SECONDS: Final = 5.0  # so long a position may stand over what waits
LONGEST_SPAN: Final = 20_000  # records between a position and the newest one: a restart reads them again
AT_ONCE: Final = 1000
LOOK_SECONDS: Final = 0.25

AddRows = Callable[[Sequence[tuple[FlowKey, int, InRecord, int, Stored]]], None]
LaneOf = Callable[[InRecord], int]


class Transactions(Protocol):
    """What is used of `HandOff`."""

    async def write(self, partition: int, records: Sequence[OutRecord]) -> None:
        """Write `records` in one transaction of the partition's owner."""


class Writes(Protocol):
    """What is used of `RecordProducer`."""

    async def write(self, records: Iterable[OutRecord]) -> object:
        """Write all `records`."""


@dataclass
class _Stand:
    position: int | None
    since: float


@dataclass(frozen=True, slots=True)
class _Done:
    record: InRecord
    assignment: Assignment
    outbox: tuple[OutRecord, ...]


class Parking:
    """The parking topic of one agent. `lane_of` tells a record's lane, `add_rows` takes what is found in the topic."""

    def __init__(
        self,
        kafka: KafkaSettings,
        topic: str,
        backlog: Backlog,
        *,
        client_id: str,
        producer: Writes,
        transactions: Transactions,
        add_rows: AddRows,
        lane_of: LaneOf,
    ) -> None:
        self._topic = topic
        self._backlog = backlog
        self._producer = producer
        self._transactions = transactions
        self._add_rows = add_rows
        self._lane_of = lane_of
        self._limit_seconds = kafka.connect_timeout_seconds
        self._instance = uuid7()
        self._stands: dict[TopicPartition, _Stand] = {}
        self._done: list[_Done] = []
        self._arrived = asyncio.Event()
        self._reading = asyncio.Lock()
        self._unreadable: dict[bytes | None, InRecord] = {}
        self._owned: frozenset[int] = frozenset()
        self._released = False
        self._follower = TopicFollower(
            kafka, topic, client_id=client_id, fetch_max_wait_ms=200, max_partition_fetch_bytes=4_194_304
        )

    async def start(self) -> None:
        """Connect. Raises `BrokerUnreachable`."""
        await self._follower.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._follower.stop()

    # Into the topic.

    def park(self, assignments: Mapping[TopicPartition, Assignment], now: float) -> None:
        """Hand the oldest records that wait on disk to the commits that pass them; `now` is the loop's time.

        `assignments` are all that there are: how long the position of any other has stood is forgotten.
        """
        self._stands = {place: it for place, it in self._stands.items() if place in assignments}
        for place, assignment in assignments.items():
            stand = self._stands.get(place)
            if stand is None or stand.position != assignment.position:
                self._stands[place] = stand = _Stand(assignment.position, now)
            stands = assignment.unfinished and now - stand.since >= STANDS_SECONDS
            if not assignment.closed and (stands or assignment.unfinished >= LONGEST_SPAN):
                self._park(place, assignment)

    def _park(self, place: TopicPartition, assignment: Assignment) -> None:
        rows: list[Row] = []
        for offset in assignment.oldest_waiting():
            row = self._backlog.find(place.topic, place.partition, offset)
            if row is None or row.stored is not Stored.IN_PLACE or len(rows) == AT_ONCE:
                break  # what is at work, or about to be, ends by itself
            rows.append(row)
        for row in rows:
            parked = Parked(row.record, row.flow.peer, row.flow.name, row.flow.account, row.expires_ms, self._instance)
            if assignment.begin():
                assignment.finish(row.record.offset, [parked.to_record(self._topic)])
        self._backlog.store(rows, Stored.ON_ITS_WAY)

    def committed(self, place: TopicPartition, position: int) -> None:
        """Note that a commit has passed what lies before `position`.

        What has come out of a tier may be another's from then on: whoever has the partition of the main topic.
        """
        self._backlog.passed(place.topic, place.partition, position, stays=place.partition in self._owned)

    # Out of it.

    async def own(self, partitions: Iterable[int]) -> None:
        """Read what waits in `partitions`, and follow these and no others. Nothing of it is taken before `release`.

        Raises `BrokerUnreachable`.
        """
        async with self._reading:
            self._released = False
            self._backlog.forget_parked()
            self._owned = frozenset(partitions)
            self._follower.turn_to(self._owned)
            if not self._owned:
                self._follower.begin_at({})
                return
            ends = await self._follower.ends()
            self._follower.begin_at(await self._follower.begins())
            async for records in self._follower.read_to(ends, limit_seconds=self._limit_seconds):
                self._replay(records)
            await self._set_aside()
            log.info("parking_read", topic=self._topic, partitions=len(self._owned), waiting=len(self._backlog))

    def release(self) -> None:
        """Let what was read be taken: from now on it is known whose work it is, and what was taken before is dropped.

        To be called when the assignments of what we `own` have begun.
        """
        self._backlog.all_is_read()
        self._released = True

    def _replay(self, records: Iterable[InRecord]) -> None:
        """Take in a stretch of the topic; what is deleted later is dropped when that is met."""
        found = []
        for it in records:
            if it.value is not None:
                found.append(it)
                continue
            self._take_in(found, Stored.BEING_READ)
            found = []
            self._unreadable.pop(it.key, None)
            read = read_at(it.key)
            row = None if read is None else self._backlog.find(*read)
            if row is not None and row.stored is Stored.BEING_READ:
                self._backlog.drop([row])
        self._take_in(found, Stored.BEING_READ)

    def _take_in(self, records: Iterable[InRecord], stored: Stored) -> None:
        rows: list[tuple[FlowKey, int, InRecord, int, Stored]] = []
        for it in records:
            try:
                parked = Parked.from_record(it)
            except ValueError:
                self._unreadable[it.key] = it
                continue
            if stored is Stored.BEING_READ or parked.by != self._instance:  # of ours the rows are here, or done
                flow = FlowKey(parked.peer, parked.flow, parked.account)
                rows.append((flow, self._lane_of(parked.record), parked.record, parked.expires_ms, stored))
        if rows:
            self._add_rows(rows)

    async def _set_aside(self) -> None:
        """Make dead letters of records that are none of ours: nobody but agents writes here."""
        unreadable, self._unreadable = self._unreadable, {}
        for record in unreadable.values():
            log.error("parked_record_unreadable", topic=record.topic, partition=record.partition, offset=record.offset)
            letter = dead_letter(record, stage=STAGE, reason=UNREADABLE, detail="no parked record")
            await self._producer.write([letter, OutRecord(self._topic, record.key, None, (), record.partition)])

    async def follow(self) -> None:
        """Take in what others park in our partitions, until cancelled: what comes out of tiers may be another's."""
        while True:
            async with self._reading:
                if self._released and self._owned:
                    records = await self._follower.take(timeout_ms=100)
                    self._take_in((it for it in records if it.value is not None), Stored.PARKED)
                    await self._set_aside()
            await asyncio.sleep(LOOK_SECONDS)

    # Done.

    def finish(self, record: InRecord, assignment: Assignment, outbox: Iterable[OutRecord]) -> None:
        """Write `outbox`, and that the record is done: both or neither."""
        self._done.append(_Done(record, assignment, tuple(outbox)))
        self._arrived.set()

    async def run(self) -> None:
        """Write what is done until cancelled. Raises `NotAcknowledged`."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            done, self._done = self._done, []
            ours = [it for it in done if not it.assignment.lost]
            plain = [settled(self._topic, it.record.coordinates) for it in ours if not it.outbox]
            if plain:
                await self._producer.write(plain)
            by_partition: dict[int, list[OutRecord]] = {}
            for it in ours:
                if it.outbox:
                    records = by_partition.setdefault(it.record.partition, [])
                    records += [*it.outbox, settled(self._topic, it.record.coordinates)]
            for partition, records in by_partition.items():
                await self._transactions.write(partition, records)
            for it in done:
                it.assignment.end_parked(it.record.coordinates)
            if len(done) > 1:
                await asyncio.sleep(0.01)
