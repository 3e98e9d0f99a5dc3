"""Many records to the broker in few requests, each acknowledged by all in-sync replicas.

One batch per partition is built by hand and sent whole: 2 microseconds per record instead of the 10 to 20 of one
`send` each. The producer is idempotent, so the broker drops what a retry would repeat.
"""

import asyncio
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Self
from zlib import crc32

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from pipeline.errors import NotAcknowledged, Refused
from pipeline.kafka.client import connection, start
from pipeline.settings import KafkaSettings
from schemas.record import OutRecord
from schemas.topics import MAX_RECORD_BYTES, SUBMITTED, TIMED, max_batch_bytes

BATCH_OVERHEAD_BYTES: Final = 61  # a version 2 record batch's header

BY_TRUNK: Final = frozenset({SUBMITTED, *TIMED})

TopicPartition = tuple[str, int]
"""Topic and partition."""


@lru_cache(maxsize=65_536)
def javas_partition_of(key: bytes, partitions: int) -> int:
    """Return the partition that Java's default partitioner gives to `key`: 10 microseconds, so it is remembered."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


def partition_of(topic: str, key: bytes, partitions: int) -> int:
    """Return the partition of `topic` for `key`.

    On the public topic it is the one that direct producers' clients choose, so that a trunk's messages stay in order
    whichever way they come; and on what the scheduler reads, where they may ask for cancellations. Elsewhere all
    records are ours and their keys seldom repeat: CRC-32, as librdkafka's `consistent` partitioner does.
    """
    return javas_partition_of(key, partitions) if topic in BY_TRUNK else crc32(key) % partitions


class BatchWriter:
    """Writes through a started producer, also inside its transaction."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._partitions: dict[str, int] = {}

    async def partition_for(self, topic: str, key: bytes) -> int:
        """Return the partition of `topic` where records with `key` go."""
        count = self._partitions.get(topic)
        if count is None:
            count = self._partitions[topic] = len(await self._producer.partitions_for(topic))
        return partition_of(topic, key, count)

    async def write(self, records: Iterable[OutRecord]) -> dict[TopicPartition, int]:
        """Write all `records` and wait until the broker has acknowledged every one.

        Order is kept among records of one partition. Returns, for each (topic, partition), the offset after the last
        record written. Raises `Refused` when a record is larger than its topic takes, before anything is written, and
        `KafkaError`.
        """
        batches = await self._fill(records)
        written = await asyncio.gather(*[await self._send(batch, place) for place, batch in batches])
        return {
            place: metadata.offset + batch.record_count()
            for (place, batch), metadata in zip(batches, written, strict=True)
        }

    async def _fill(self, records: Iterable[OutRecord]) -> list[tuple[TopicPartition, BatchBuilder]]:
        """Return full batches, those of one partition in order."""
        batches: list[tuple[TopicPartition, BatchBuilder]] = []
        latest: dict[TopicPartition, BatchBuilder] = {}
        for record in records:
            partition = record.partition
            if partition is None:
                partition = await self.partition_for(record.topic, record.key or b"")
            place = (record.topic, partition)
            batch = latest.get(place)
            size = None if batch is None else _append(batch, record)
            if size is None:  # no batch yet, or a full one; a new batch takes its first record whatever its size
                batch = latest[place] = self._producer.create_batch()
                batches.append((place, batch))
                size = _append(batch, record) or 0
                if size + BATCH_OVERHEAD_BYTES > max_batch_bytes(record.topic):
                    raise Refused(f"a record of {size} bytes is too large for {record.topic}", stage="produce")
        return batches

    async def _send(self, batch: BatchBuilder, place: TopicPartition) -> asyncio.Future[RecordMetadata]:
        batch.close()
        future: asyncio.Future[RecordMetadata] = await self._producer.send_batch(batch, place[0], partition=place[1])
        return future


class RecordProducer:
    """Writes records and returns when the broker has them.

    Any failure is an error of the call; an agent that sees one exits, because an idempotent producer that has failed
    once may have a hole in its sequence numbers. With `gives_up` false a silent broker is waited for without limit:
    for ingress, whose callers have deadlines of their own.
    """

    def __init__(self, kafka: KafkaSettings, *, client_id: str, gives_up: bool = True) -> None:
        self._kafka = kafka
        self._timeout_seconds = kafka.produce_timeout_seconds if gives_up else None
        self._producer = AIOKafkaProducer(
            **connection(kafka),
            client_id=client_id,
            acks="all",
            enable_idempotence=True,
            max_batch_size=MAX_RECORD_BYTES,
            request_timeout_ms=15_000,
            retry_backoff_ms=50,
        )
        self._batches = BatchWriter(self._producer)

    async def start(self) -> Self:
        """Connect. Raises `BrokerUnreachable`."""
        await start(self._producer, self._kafka)
        return self

    async def stop(self) -> None:
        """Send what is left and disconnect."""
        await self._producer.stop()

    async def partition_for(self, topic: str, key: bytes) -> int:
        """Return the partition of `topic` where records with `key` go."""
        return await self._batches.partition_for(topic, key)

    async def write(self, records: Iterable[OutRecord]) -> dict[TopicPartition, int]:
        """Write all `records` and wait until the broker has acknowledged every one.

        Order is kept among records of one partition. Returns, for each (topic, partition), the offset after the last
        record written.

        Raises:
            Refused: a record is larger than its topic takes; nothing is written.
            NotAcknowledged: the broker refuses a batch or stays silent for `produce_timeout_seconds`; some of the
                records may be written.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._batches.write(records)
        except TimeoutError as error:
            raise NotAcknowledged(f"no acknowledgement within {self._timeout_seconds} s", stage="produce") from error
        except KafkaError as error:
            raise NotAcknowledged(f"the broker did not take a batch: {error!r}", stage="produce") from error


def _append(batch: BatchBuilder, record: OutRecord) -> int | None:
    """Return the record's size in bytes within the batch, None when there is no room for it."""
    metadata = batch.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers))
    return None if metadata is None else int(metadata.size)
