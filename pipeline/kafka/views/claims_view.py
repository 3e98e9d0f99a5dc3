"""Follows `sms.mt.submitted` into a store of Idempotency-Keys: at leisure, and at once as far as somebody must know.

Between two looks the partitions are paused: where nobody uses keys they cost a request or two each second, and a search
for a few bytes in each record. The records are those that the processor sees: none of an open or aborted transaction.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, Self, TypeVar

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from pipeline.errors import BrokerUnreachable, DiskFull, Refused, StateLost
from pipeline.idempotency.keys import LOOK_BACK_MS, Keyed, Verdict
from pipeline.idempotency.store import ClaimStore
from pipeline.kafka.admin.committed import committed_by
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.settings import KafkaSettings
from schemas.record import InRecord
from schemas.topics import SUBMITTED

LOOK_INTERVAL_SECONDS: Final = 1.0
PURGE_INTERVAL_SECONDS: Final = 600.0
PURGE_PAUSE_SECONDS: Final = 0.05
RECORDS_AT_ONCE: Final = 50  # of up to 1000 submissions each: the event loop belongs to others in between
RECORD_SECONDS: Final = 3.0
"""How long one record is waited for that may be none: a transaction's marker."""
LOOK_SECONDS: Final = 60.0
HELD_AFTER_SECONDS: Final = 0.1
"""So long a partition may give out nothing that is known to be there; then it is left alone for `HELD_SECONDS`."""
HELD_SECONDS: Final = 0.3
HELD_LOOK_SECONDS: Final = 0.02
MARGIN_MS: Final = 3_600_000
"""More than 48 hours are kept: for clocks that differ, and for what is processed again after a restart."""

T = TypeVar("T")
_STORE_FAILS: Final = (sqlite3.Error, DiskFull)

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
        self._reading = asyncio.Lock()
        self._lost: StateLost | None = None
        self._held_until: dict[int, float] = {}
        """By partition: how long it is not worth while to look again, on the loop's clock."""
        self._follower = TopicFollower(
            kafka,
            topic,
            client_id=client_id,
            auto_offset_reset="none",
            # One that finds nothing stands in the way of the next on the same connection.
            fetch_max_wait_ms=20,
        )

    async def start(self) -> Self:
        """Connect and read to the topic's end. Raises `BrokerUnreachable`, also when the topic does not exist."""
        try:
            await self._follower.start()
            self._follower.begin_at(await self._follower.begins())
            self._follower.pause()
            needed_from = await self._needed_from()
            if not await self._goes_on(needed_from):
                await self._begin_anew(max(0, needed_from - LOOK_BACK_MS - MARGIN_MS))
            for place in self._follower.places:
                self._follower.seek(place, self._store.positions[place.partition].next)
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
        if positions.keys() != {place.partition for place in self._follower.places}:
            return False
        if max(position.at_ms or needed_from for position in positions.values()) < needed_from - LOOK_BACK_MS:
            return False  # all of it is over
        begins = await self._follower.begins()
        ends = await self._follower.ends()
        for place in self._follower.places:
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
            begins = await self._follower.begins()
            ends = await self._follower.ends()
            for place, known in (await committed_by(self._kafka, self._group, self._follower.places)).items():
                offset = max(begins[place], known.offset if known else 0)
                if offset < ends[place]:
                    needed_from = min(needed_from, await self._recorded_at(place, offset) or needed_from)
        return needed_from

    async def _recorded_at(self, place: TopicPartition, offset: int) -> int | None:
        """Return the broker's time of the first record from `offset` on, None where there is none."""
        async with self._reading:
            self._follower.seek(place, offset)
            self._follower.resume(place)
            try:
                found = await self._follower.take(place, timeout_ms=RECORD_SECONDS * 1000, at_once=1)
            finally:
                self._follower.pause(place)
                if place.partition in self._store.positions:
                    self._follower.seek(place, self._store.positions[place.partition].next)
        return found[0].timestamp_ms if found else None

    async def _begin_anew(self, from_ms: int) -> None:
        begins = await self._follower.begins()
        ends = await self._follower.ends()
        firsts = await self._follower.since(from_ms)
        # One record more than needed: its time tells the topic from another one of this name.
        positions = {place.partition: max(begins[place], first - 1) for place, first in firsts.items()}
        self._store.begin_anew(positions, from_ms)
        log.info(
            "idempotency_keys_read_anew",
            records=sum(ends[it] - positions[it.partition] for it in self._follower.places),
        )

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
        await self._read(await self._follower.ends(), limit_seconds=self._kafka.connect_timeout_seconds)

    async def catch_up(self, targets: Mapping[int, int]) -> None:
        """Take in every record before the offset given for each partition; they are known to be there.

        Waits for a broker that is silent, and for a producer whose open transaction lies before them: give it a time
        limit. Raises `BrokerUnreachable` for an unknown partition.
        """
        if not targets.keys() <= self._store.positions.keys():
            raise BrokerUnreachable(f"{self._topic} has got more partitions: a restart is needed", stage="idempotency")
        clock = asyncio.get_running_loop().time
        while not self._has(targets):
            # Who waits for a partition that gives out nothing must not keep others from reading theirs.
            if clock() < max(self._held_until.get(partition, 0.0) for partition in targets):
                await asyncio.sleep(HELD_LOOK_SECONDS)
                continue
            ends = {TopicPartition(self._topic, partition): end for partition, end in targets.items()}
            try:
                await self._read(ends, limit_seconds=HELD_AFTER_SECONDS)
            except BrokerUnreachable:
                self._held_until |= dict.fromkeys(targets, clock() + HELD_SECONDS)
            await asyncio.sleep(0)  # whatever the broker says, others must go on

    def _has(self, targets: Mapping[int, int]) -> bool:
        positions = self._store.positions
        return all(positions[partition].next >= offset for partition, offset in targets.items())

    async def _read(self, ends: Mapping[TopicPartition, int], limit_seconds: float | None = None) -> None:
        async with self._reading:
            if self._lost is not None:
                raise self._lost
            if self._has({place.partition: end for place, end in ends.items()}):
                return
            self._follower.resume(*ends)
            try:
                async for records in self._follower.read_to(ends, limit_seconds=limit_seconds, at_once=RECORDS_AT_ONCE):
                    self._guarded(partial(self._apply, records))
                    await asyncio.sleep(0)  # what is fetched already comes without waiting
            except OffsetOutOfRangeError as error:
                raise self._lose("records are gone from the topic that were not read yet") from error
            finally:
                self._follower.pause(*ends)

    def _apply(self, records: Sequence[InRecord]) -> None:
        for record in records:
            try:
                self._store.apply(record.partition, record.offset, record.timestamp_ms, record.value)
            except _STORE_FAILS:
                raise
            except Exception as error:  # noqa: BLE001  # over one record: other keys must be known
                log.error(
                    "keys_of_record_unreadable", topic=self._topic, partition=record.partition, offset=record.offset,
                    error=type(error).__name__,
                )  # fmt: skip
                self._store.pass_over(record.partition, record.offset, record.timestamp_ms)
        self._store.save()

    def known(self, name: bytes, digest: bytes) -> Verdict | None:
        """Return what a submission would be now that is not written yet, None when its key is free as far as is read.

        Raises `StateLost`.
        """
        claim, now = self._guarded(partial(self._store.latest, name)), time.time_ns() // 1_000_000
        return claim.verdict(digest, now) if claim is not None and claim.is_alive(now) else None

    def judge(self, keyed: Keyed) -> Verdict:
        """Return what a submission is that lies before what is read.

        Raises `StateLost`, and `Refused` for one whose time is before those of all that are yet to be judged: the
        broker sets times, but for what it got before it was told to. Another start would know no more about it.
        """
        if self._store.complete_from_ms is None or keyed.at_ms - LOOK_BACK_MS < self._store.complete_from_ms:
            raise Refused("a submission is older than what is kept can tell about", stage="idempotency")
        verdict = self._guarded(partial(self._store.judge, keyed))
        if verdict is None:
            raise self._lose("a submission is not where the topic has it")
        return verdict

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except _STORE_FAILS as error:
            raise self._lose(f"the store has failed: {error}") from error

    def _lose(self, why: str) -> StateLost:
        """Give the store up; the next start makes it again from the topic."""
        self._store.discard()
        self._lost = StateLost(f"{why}; the keys of {self._topic} must be read anew", stage="idempotency")
        return self._lost

    async def stop(self) -> None:
        """Disconnect and close the store."""
        await self._follower.stop()
        self._store.close()
