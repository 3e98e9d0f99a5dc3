"""Partitions of a topic read in no group: from where somebody wants to where they end now, and on as records come.

Nothing is committed: whoever works on the topic does not notice.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from time import time
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline.errors import BrokerUnreachable
from pipeline.kafka.admin.partitions import known_partitions, partitions_of
from pipeline.kafka.client import reading, start, stop
from pipeline.settings import KafkaSettings
from schemas.record import InRecord

RECORDS_AT_ONCE: Final = 1000  # about 10 ms of parsing: a long read leaves the event loop to others in between


class TopicFollower:
    """A consumer of `places`: at first all partitions of `topic`, then those that `begin_at` is given.

    With `grows` it reads all partitions, also those that the topic gets later. `fetching` are aiokafka's settings of a
    consumer.
    """

    def __init__(
        self, kafka: KafkaSettings, topic: str, *, client_id: str, grows: bool = False, **fetching: Any
    ) -> None:
        self.places: list[TopicPartition] = []
        self._kafka = kafka
        self._topic = topic
        self._grows = grows
        self._consumer = AIOKafkaConsumer(
            **reading(kafka),
            client_id=client_id,
            **{
                "auto_offset_reset": "earliest",  # retention may overtake us
                "isolation_level": "read_committed",
                **fetching,
            },
        )

    async def start(self) -> Self:
        """Connect and learn the topic's partitions. Raises `BrokerUnreachable`, also when the topic does not exist."""
        await start(self._consumer, self._kafka)
        self.places = await partitions_of(self._consumer, self._topic)
        return self

    async def stop(self) -> None:
        """Disconnect."""
        await stop(self._consumer)

    # Where partitions begin and end.

    async def begins(self) -> dict[TopicPartition, int]:
        """Return the oldest offset of each place."""
        return dict(await self._consumer.beginning_offsets(self.places))

    async def ends(self) -> dict[TopicPartition, int]:
        """Return the offset after the last record of each place, as of now; an open transaction is not counted."""
        return dict(await self._consumer.end_offsets(self.places))

    async def end_of(self, partition: int) -> tuple[TopicPartition, int]:
        """Return one of the places, and its end as of now. Raises `BrokerUnreachable` when it is none of them."""
        place = TopicPartition(self._topic, partition)
        end = (await self.ends()).get(place)
        if end is None:
            raise BrokerUnreachable(f"{self._topic} had no partition {partition} at the start: a restart is needed")
        return place, end

    async def since(self, moment_ms: float) -> dict[TopicPartition, int]:
        """Return the offset of each place's first record that is not older than `moment_ms` (Unix time).

        Where there is none it is the partition's end, as it was before this was asked: a record that comes meanwhile is
        not passed over.
        """
        ends = await self.ends()
        found = await self._consumer.offsets_for_times(dict.fromkeys(ends, max(0, int(moment_ms))))
        return {place: end if (first := found.get(place)) is None else first.offset for place, end in ends.items()}

    def heard_at(self) -> float:
        """Return when the broker last answered about any of the places (Unix time), 0 before it has."""
        read = self._consumer.assignment().intersection(self.places)
        return max((self._consumer.last_poll_timestamp(place) or 0 for place in read), default=0) / 1000

    # Where to read.

    def narrow_to(self, partitions: Collection[int]) -> None:
        """Leave the others out."""
        self.places = [place for place in self.places if place.partition in partitions]

    def turn_to(self, partitions: Collection[int]) -> None:
        """Be about these partitions from now on; what is read changes with `begin_at`."""
        self.places = [TopicPartition(self._topic, partition) for partition in sorted(partitions)]

    def begin_at(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Read these partitions from now on, and no others."""
        self.places = list(offsets)
        self._consumer.assign(self.places)
        for place, offset in offsets.items():
            self._consumer.seek(place, offset)

    async def look_back(self, *, seconds: float | None = None, records: int | None = None) -> None:
        """Read all partitions: from `seconds` ago, or the oldest record; at most `records` of each that are there."""
        self.places = known_partitions(self._consumer, self._topic)
        begins = await (self.begins() if seconds is None else self.since((time() - seconds) * 1000))
        if records is not None:
            ends = await self.ends()
            begins = {place: max(begin, ends[place] - records) for place, begin in begins.items()}
        self.begin_at(begins)

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Go on with `offset`."""
        self._consumer.seek(place, offset)

    def pause(self, *places: TopicPartition) -> None:
        """Fetch nothing from `places`, or from all when none are given, until `resume`."""
        self._consumer.pause(*(places or self.places))

    def resume(self, *places: TopicPartition) -> None:
        """Fetch from `places` again, or from all when none are given."""
        self._consumer.resume(*(places or self.places))

    # Reading.

    async def take(
        self, *places: TopicPartition, timeout_ms: float = 1000, at_once: int = RECORDS_AT_ONCE
    ) -> list[InRecord]:
        """Return what comes next of `places`, or of all; nothing when nothing comes in time."""
        if self._grows:
            await self._take_up_new_partitions()
        fetched = await self._consumer.getmany(*(places or self.places), timeout_ms=timeout_ms, max_records=at_once)
        return [record for records in fetched.values() for record in records]

    async def read_to(
        self,
        ends: Mapping[TopicPartition, int],
        *,
        limit_seconds: float | None = None,
        at_once: int = RECORDS_AT_ONCE,
    ) -> AsyncGenerator[list[InRecord]]:
        """Yield records until each partition of `ends` has been read to before its offset there, or a little further.

        Raises `BrokerUnreachable` when the broker gives out nothing for `limit_seconds`; None waits.
        """
        clock = asyncio.get_running_loop().time
        behind = dict(ends)
        silences: dict[TopicPartition, _Silence] = {}
        moved_at = clock()
        while True:
            # Transaction markers take offsets too, so the position counts, not the last record's offset.
            before = await self._positions(behind)
            behind = {place: end for place, end in behind.items() if before[place] < end}
            if not behind:
                return
            records = await self.take(*behind, timeout_ms=100, at_once=at_once)
            if records:
                yield records
            # One that is full has not come to every partition: what has been fetched of the others lies there still.
            is_full = len(records) >= at_once
            for place, position in (await self._positions(behind)).items():
                if position > before[place]:
                    silences.pop(place, None)
                    moved_at = clock()
                elif not is_full and silences.setdefault(place, _Silence()).has_end(
                    self._consumer, place, behind[place]
                ):
                    del behind[place]
            if limit_seconds is not None and clock() - moved_at > limit_seconds:
                raise BrokerUnreachable(f"the broker has stopped giving out {self._topic}")

    async def _positions(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return {place: await self._consumer.position(place) for place in places}

    async def _take_up_new_partitions(self) -> None:
        new = [it for it in known_partitions(self._consumer, self._topic) if it not in self.places]
        if new:
            self.begin_at(await self._positions(self.places) | dict.fromkeys(new, 0))


class _Silence:
    """A partition that gives out nothing although its end is ahead.

    Compaction can leave nothing at all between the last record and the end. The broker then answers one fetch after the
    other with nothing, although its stable offset says that it holds nothing back.
    """

    def __init__(self) -> None:
        self._answered_at: int | None = None
        self._is_last_look = False

    def has_end(self, consumer: AIOKafkaConsumer, place: TopicPartition, end: int) -> bool:
        """Tell, after one more fetch that has brought nothing, whether nothing is left before `end`."""
        if self._is_last_look:
            return True
        answered_at, stable = consumer.last_poll_timestamp(place), consumer.last_stable_offset(place)
        if self._answered_at is None or answered_at is None:
            self._answered_at = answered_at
        elif answered_at > self._answered_at and stable is not None and stable >= end:
            self._is_last_look = True  # something may have come together with the time-out
        return False
