"""All partitions of several topics, read in no group, from where somebody else keeps account of.

Nothing is committed: what is read is done when the reader's own books say so.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline.errors import BrokerUnreachable
from pipeline.kafka.admin.partitions import existing_partitions, known_partitions
from pipeline.kafka.client import reading, start, stop
from pipeline.settings import KafkaSettings
from schemas.record import InRecord

LOOK_SECONDS: Final = 30.0  # between two looks whether a topic has got more partitions
FETCH_BYTES: Final = 1_048_576
MANY_RECORDS: Final = 2000  # by then a batch has the whole time to gather ...
LEAST_GATHERED: Final = 0.1  # ... and with few this part of it


class Fetched(NamedTuple):
    """Records by partition, in order, and where each partition goes on that has moved: also beyond gaps."""

    records: dict[TopicPartition, list[InRecord]]
    positions: dict[TopicPartition, int]


class TopicsFeed:
    """A consumer of all partitions of `topics`; records of open and aborted transactions do not come."""

    def __init__(self, kafka: KafkaSettings, topics: Collection[str], *, client_id: str, **fetching: Any) -> None:
        self._kafka = kafka
        self._topics = tuple(topics)
        self._consumer = AIOKafkaConsumer(
            **reading(kafka),
            client_id=client_id,
            **{
                # Retention may overtake us, and a topic that was made anew begins before where we were.
                "auto_offset_reset": "earliest",
                "isolation_level": "read_committed",
                "max_partition_fetch_bytes": FETCH_BYTES,
                **fetching,
            },
        )
        self._places: list[TopicPartition] = []
        self._positions: dict[TopicPartition, int] = {}
        self._looked_at = 0.0

    async def start(self, positions: Mapping[TopicPartition, int]) -> None:
        """Connect, and go on at `positions`; partitions that are not in there are read from their oldest record.

        Raises `BrokerUnreachable`, also when a topic does not exist.
        """
        await start(self._consumer, self._kafka)
        places = await existing_partitions(self._consumer, self._topics)
        if missing := set(self._topics) - {it.topic for it in places}:
            raise BrokerUnreachable(f"the topic {min(missing)} does not exist: run `smsout topics apply`")
        begins = await self._consumer.beginning_offsets(places)
        self._read({place: max(begins[place], positions.get(place, 0)) for place in places})
        self._looked_at = asyncio.get_running_loop().time()

    def _read(self, positions: Mapping[TopicPartition, int]) -> None:
        self._places = list(positions)
        self._consumer.assign(self._places)
        for place, offset in positions.items():
            self._consumer.seek(place, offset)
        self._positions = dict(positions)

    async def take(self, *, wait_seconds: float, gather_seconds: float, most: int) -> Fetched:
        """Return what comes next: the first of it within `wait_seconds`, and what follows within `gather_seconds`.

        Of more than `most` records the rest comes with the next call. Where little comes little is waited for.
        """
        await self._take_up_new_partitions()
        clock = asyncio.get_running_loop().time
        records: dict[TopicPartition, list[InRecord]] = {}
        count, began, wait = 0, 0.0, wait_seconds
        while True:
            fetched = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=most - count)
            for place, found in fetched.items():
                records.setdefault(place, []).extend(found)
                count += len(found)
            if not count or count >= most:
                break
            began = began or clock()
            gather = gather_seconds * min(1.0, max(LEAST_GATHERED, count / MANY_RECORDS))
            if (wait := began + gather - clock()) <= 0:
                break
            # A fetch may bring a single record: asked for one by one they cost more than they bring.
            await asyncio.sleep(min(wait, gather_seconds / 8))
            wait = 0.0
        moved: dict[TopicPartition, int] = {}
        for place in self._places:
            position = await self._consumer.position(place)
            if position != self._positions.get(place):
                moved[place] = self._positions[place] = position
        return Fetched(records, moved)

    async def lag(self) -> dict[TopicPartition, int]:
        """Return how many offsets each partition has ahead of what was taken."""
        ends = await self._consumer.end_offsets(self._places)
        return {place: max(0, end - self._positions.get(place, 0)) for place, end in ends.items()}

    async def _take_up_new_partitions(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        known = set(self._places)
        new = [it for topic in self._topics for it in known_partitions(self._consumer, topic) if it not in known]
        if new:
            self._read(self._positions | dict.fromkeys(new, 0))

    async def stop(self) -> None:
        """Disconnect."""
        await stop(self._consumer)
