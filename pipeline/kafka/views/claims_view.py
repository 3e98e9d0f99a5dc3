"""Follows `sms.mt.submitted` into a store of Idempotency-Keys: at leisure, and at once as far as somebody must know.

Between two looks the partitions are paused: where nobody uses keys they cost a request or two each second, and a search
for a few bytes in each record. The records are those that the processor sees: those of aborted transactions too.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Self, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from pipeline.errors import BrokerUnreachable, StateLost
from pipeline.idempotency.keys import LOOK_BACK_MS, Keyed, Verdict
from pipeline.idempotency.store import ClaimStore
from pipeline.kafka.admin.committed import committed_by
from pipeline.kafka.client import reading, start, stop
from pipeline.kafka.offsets_since import offsets_since
from pipeline.settings import KafkaSettings
from schemas.topics import SUBMITTED

LOOK_INTERVAL_SECONDS: Final = 1.0
PURGE_INTERVAL_SECONDS: Final = 600.0
PURGE_PAUSE_SECONDS: Final = 0.05
RECORDS_AT_ONCE: Final = 50  # of up to 1000 submissions each: the event loop belongs to others in between
DRY_LIMIT: Final = 5
RECORD_SECONDS: Final = 3.0
"""How long one record is waited for that may be none: a transaction's marker."""
LOOK_SECONDS: Final = 60.0
MARGIN_MS: Final = 3_600_000
"""More than 48 hours are kept: for clocks that differ, and for what is processed again after a restart."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class ClaimsView:
    """Keeps `store` equal to the topic, as far back as new submissions can refer to.

    With `group`, the consumer group that processes the topic, also as far as those can that it has yet to process.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        store: ClaimStore,
        *,
        client_id: str,
        group: str | None = None,
        topic: str = SUBMITTED,
    ) -> None:
        self._store = store
        self._topic = topic
        self._kafka = kafka
        self._group = group
        self._places: list[TopicPartition] = []
        self._reading = asyncio.Lock()
        self._dry_at: Mapping[TopicPartition, int] = {}
        self._lost: StateLost | None = None
        self._consumer = AIOKafkaConsumer(
            **reading(kafka),
            client_id=client_id,
            auto_offset_reset="none",
            # As the processor reads: a submission that it sees must be seen here too.
            isolation_level="read_uncommitted",
            # One that finds nothing stands in the way of the next on the same connection.
            fetch_max_wait_ms=20,
        )

    async def start(self) -> Self:
        """Connect and read to the topic's end. Raises `BrokerUnreachable`, also when the topic does not exist."""
        try:
            await start(self._consumer, self._kafka)
            if self._topic not in await self._consumer.topics():
                raise BrokerUnreachable(f"the topic {self._topic} does not exist: run `smsout topics apply`")
            # A client learns the partitions of the topics that it reads; every topic has this one.
            first = TopicPartition(self._topic, 0)
            self._consumer.assign([first])
            self._consumer.pause(first)
            await self._consumer.beginning_offsets([first])
            partitions = self._consumer.partitions_for_topic(self._topic) or set()
            self._places = [TopicPartition(self._topic, partition) for partition in sorted(partitions)]
            self._consumer.assign(self._places)
            self._consumer.pause(*self._places)
            needed_from = await self._needed_from()
            if not await self._goes_on(needed_from):
                await self._begin_anew(max(0, needed_from - LOOK_BACK_MS - MARGIN_MS))
            for place in self._places:
                self._consumer.seek(place, self._store.positions[place.partition].next)
            began = time.monotonic()
            await self._look()
            log.info("idempotency_keys_read", claims=len(self._store), seconds=round(time.monotonic() - began, 1))
        except BaseException:
            await self.stop()
            raise
        return self

    async def _goes_on(self, needed_from: int) -> bool:
        """Tell whether what the store holds is of this topic, and enough."""
        complete_from, positions = self._store.complete_from_ms, self._store.positions
        if complete_from is None or complete_from > needed_from - LOOK_BACK_MS:
            return False
        if positions.keys() != {place.partition for place in self._places}:
            return False
        if max(position.at_ms or needed_from for position in positions.values()) < needed_from - LOOK_BACK_MS:
            return False  # all of it is over
        begins = await self._consumer.beginning_offsets(self._places)
        ends = await self._consumer.end_offsets(self._places)
        for place in self._places:
            known = positions[place.partition]
            if known.at_ms is None:
                same = known.next == begins[place]
            else:
                # A topic that was made anew has another record there, or none.
                same = begins[place] < known.next <= ends[place] and (
                    await self._recorded_at(place, known.next - 1) == known.at_ms
                )
            if not same:
                log.warning("idempotency_store_of_another_topic", partition=place.partition)
                return False
        return True

    async def _needed_from(self) -> int:
        """Return the broker's time (ms) of the earliest submission that may yet have to be judged."""
        needed_from = time.time_ns() // 1_000_000
        if self._group is not None:
            begins = await self._consumer.beginning_offsets(self._places)
            ends = await self._consumer.end_offsets(self._places)
            for place, known in (await committed_by(self._kafka, self._group, self._places)).items():
                offset = max(begins[place], known.offset if known else 0)
                if offset < ends[place]:
                    needed_from = min(needed_from, await self._recorded_at(place, offset) or needed_from)
        return needed_from

    async def _recorded_at(self, place: TopicPartition, offset: int) -> int | None:
        """Return the broker's time of the first record from `offset` on, None where there is none."""
        async with self._reading:
            self._consumer.seek(place, offset)
            self._consumer.resume(place)
            try:
                fetched = await self._consumer.getmany(place, timeout_ms=RECORD_SECONDS * 1000, max_records=1)
            finally:
                self._consumer.pause(place)
                if place.partition in self._store.positions:
                    self._consumer.seek(place, self._store.positions[place.partition].next)
        return next((record.timestamp for record in fetched.get(place, ())), None)

    async def _begin_anew(self, from_ms: int) -> None:
        begins = await self._consumer.beginning_offsets(self._places)
        ends = await self._consumer.end_offsets(self._places)
        firsts = await offsets_since(self._consumer, self._places, from_ms)
        # One record more than needed: its time tells the topic from another one of this name.
        positions = {place.partition: max(begins[place], first - 1) for place, first in firsts.items()}
        self._store.begin_anew(positions, from_ms)
        log.info("idempotency_keys_read_anew", records=sum(ends[it] - positions[it.partition] for it in self._places))

    async def follow(self) -> None:
        """Take in what comes and drop what is over, until cancelled. Raises `StateLost`."""
        purged_at = -PURGE_INTERVAL_SECONDS
        while self._lost is None:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._look()
                if time.monotonic() - purged_at >= PURGE_INTERVAL_SECONDS:
                    await self._purge()
                    purged_at = time.monotonic()
            except (KafkaError, TimeoutError, BrokerUnreachable) as error:
                log.warning("idempotency_view_waits", error=repr(error))
            await asyncio.sleep(LOOK_INTERVAL_SECONDS)
        raise self._lost

    async def _purge(self) -> None:
        async with asyncio.timeout(LOOK_SECONDS):
            before = await self._needed_from() - LOOK_BACK_MS - MARGIN_MS
        dropped = 1
        while dropped:
            dropped = self._guarded(partial(self._store.purge, before))
            await asyncio.sleep(PURGE_PAUSE_SECONDS)

    async def _look(self) -> None:
        """Read to where the topic ends now."""
        ends = await self._consumer.end_offsets(self._places)
        targets = {place.partition: end for place, end in ends.items()}
        if self._has(targets) or ends == self._dry_at:
            return
        async with self._reading:
            await self._read(targets, stops_when_dry=True)
        self._dry_at = ends

    async def catch_up(self, targets: Mapping[int, int]) -> None:
        """Take in every record before the offset given for each partition; they are known to be there.

        Waits for a broker that is silent: give it a time limit. Raises `BrokerUnreachable` for an unknown partition.
        """
        if not targets.keys() <= self._store.positions.keys():
            raise BrokerUnreachable(f"{self._topic} has got more partitions: a restart is needed", stage="idempotency")
        while not self._has(targets):
            async with self._reading:
                await self._read(targets, stops_when_dry=False)

    def _has(self, targets: Mapping[int, int]) -> bool:
        positions = self._store.positions
        return all(positions[partition].next >= offset for partition, offset in targets.items())

    async def _read(self, targets: Mapping[int, int], *, stops_when_dry: bool) -> None:
        self._consumer.resume(*self._places)
        try:
            dry = 0
            while not self._has(targets) and dry < DRY_LIMIT:
                fetched = await self._consumer.getmany(timeout_ms=200, max_records=RECORDS_AT_ONCE)
                # The end may lie behind a transaction's marker, which is no record.
                dry = dry + 1 if stops_when_dry and not fetched else 0
                if fetched:
                    self._guarded(partial(self._apply, fetched))
                    await asyncio.sleep(0)  # what is fetched already comes without waiting
        except OffsetOutOfRangeError as error:
            raise self._lose("records are gone from the topic that were not read yet") from error
        finally:
            self._consumer.pause(*self._places)

    def _apply(self, fetched: Mapping[TopicPartition, list[ConsumerRecord]]) -> None:
        for place, records in fetched.items():
            for record in records:
                self._store.apply(place.partition, record.offset, record.timestamp, record.value)
        self._store.save()

    def known(self, name: bytes, digest: bytes) -> Verdict | None:
        """Return what a submission would be now that is not written yet, None when its key is free as far as is read.

        Raises `StateLost`.
        """
        claim, now = self._guarded(partial(self._store.latest, name)), time.time_ns() // 1_000_000
        return claim.verdict(digest, now) if claim is not None and claim.is_alive(now) else None

    def judge(self, keyed: Keyed) -> Verdict:
        """Return what a submission is that lies before what is read. Raises `StateLost`."""
        if self._store.complete_from_ms is None or keyed.at_ms - LOOK_BACK_MS < self._store.complete_from_ms:
            raise self._lose("a submission is older than what is kept can tell about")
        verdict = self._guarded(partial(self._store.judge, keyed))
        if verdict is None:
            raise self._lose("a submission is not where the topic has it")
        return verdict

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except sqlite3.Error as error:
            raise self._lose(f"the store has failed: {error}") from error

    def _lose(self, why: str) -> StateLost:
        """Give the store up; the next start makes it again from the topic."""
        self._store.discard()
        self._lost = StateLost(f"{why}; the keys of {self._topic} must be read anew", stage="idempotency")
        return self._lost

    async def stop(self) -> None:
        """Disconnect and close the store."""
        await stop(self._consumer)
        self._store.close()
