"""Hands records on: what follows from finished records, written in one transaction with their offsets.

A record's place in the next retry tier and the commit that says it is done here must not come apart. If the commit
were lost, the record would be tried again here while its copy is tried there, and each crash would double the chain;
if the copy were lost, the chain would end. One transactional id per partition number also fences: an owner that lost
a partition without noticing cannot commit for it any more.
"""

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from pipeline.errors import NotAcknowledged
from pipeline.failpoints import failpoint
from pipeline.kafka.client import connection, start
from pipeline.kafka.producer import BatchWriter
from pipeline.settings import KafkaSettings
from schemas.record import OutRecord
from schemas.topics import MAX_RECORD_BYTES

TRANSACTION_TIMEOUT_MS = 15_000  # how long a dead owner's open transaction may hold back readers


class HandOff:
    """Transactions for the partitions that a consumer of `group` owns.

    Topics of one group have the same number of partitions, and the range assignor gives one member the same
    partitions of each, so the partition number alone names an owner.
    """

    def __init__(self, kafka: KafkaSettings, *, group: str) -> None:
        self._kafka = kafka
        self._group = group
        self._producers: dict[int, AIOKafkaProducer] = {}
        self._transacting: dict[int, asyncio.Lock] = {}

    async def own(self, partitions: set[int]) -> None:
        """Take over `partitions`, fencing whoever had them, and let go of all others. Raises `BrokerUnreachable`."""
        for partition in [it for it in self._producers if it not in partitions]:
            await self._producers.pop(partition).stop()
        await asyncio.gather(*(self._take_over(it) for it in partitions if it not in self._producers))

    async def _take_over(self, partition: int) -> None:
        producer = AIOKafkaProducer(
            **connection(self._kafka),
            client_id=f"{self._group}-handoff-{partition}",
            transactional_id=f"{self._group}-{partition}",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_batch_size=MAX_RECORD_BYTES,
            max_request_size=MAX_RECORD_BYTES + 65_536,
            request_timeout_ms=10_000,
            retry_backoff_ms=20,
        )
        await start(producer, self._kafka)
        self._producers[partition] = producer

    async def commit(self, place: TopicPartition, offset: OffsetAndMetadata, records: Sequence[OutRecord]) -> None:
        """Write `records` and commit `offset` for `place`: both or neither.

        Raises `NotAcknowledged` when that is not certain, and when another process has taken the partition; the
        agent then ends and starts over from what is committed.
        """
        await self._transact(place.partition, records, {place: offset})

    async def write(self, partition: int, records: Sequence[OutRecord]) -> None:
        """Write `records` for a partition that we own: all or none; of one that is not ours, nothing.

        Raises as `commit`.
        """
        if partition in self._producers:
            await self._transact(partition, records, None)

    async def _transact(
        self, partition: int, records: Sequence[OutRecord], offsets: Mapping[TopicPartition, OffsetAndMetadata] | None
    ) -> None:
        producer, transacting = self._producers[partition], self._transacting.setdefault(partition, asyncio.Lock())
        try:
            async with transacting, asyncio.timeout(self._kafka.produce_timeout_seconds):
                await producer.begin_transaction()
                await BatchWriter(producer).write(records)
                failpoint("handoff.after_produce")
                if offsets is not None:
                    await producer.send_offsets_to_transaction(offsets, self._group)
                failpoint("handoff.before_commit")
                await producer.commit_transaction()
                failpoint("handoff.after_commit")
        except (KafkaError, TimeoutError) as error:
            raise NotAcknowledged(
                f"a transaction of {self._group} for partition {partition} is in doubt: {error!r}", stage="hand-off"
            ) from error

    async def stop(self) -> None:
        """Disconnect; an open transaction is aborted."""
        await asyncio.gather(*(producer.stop() for producer in self._producers.values()))
        self._producers.clear()
