"""Every record of the pipeline as a plain consumer reads it, and which of them their consumers have not finished."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from pipeline.kafka.client import connection, start, stop
from pipeline.settings import KafkaSettings, RetrySettings
from schemas.topics import (
    AUDIT,
    CALLBACK_RETRY,
    DIRECTORY,
    DLR_RECEIVED,
    INGRESS_ANNOUNCED,
    MT_RETRY,
    OPTED_OUT,
    REMEMBERED,
    SEGMENTED,
    STATUS,
    SUBMITTED,
    catalogue,
    tier_topic,
)

CALL_LIMIT_SECONDS: Final = 5.0  # one question to a broker that may just have been killed


class Topics:
    """Follows all topics but configuration, audit and what processes say of themselves, from their beginning."""

    def __init__(self, kafka: KafkaSettings, partitions: int, retry: RetrySettings) -> None:
        self._kafka = kafka
        mt_tiers = [tier_topic(MT_RETRY, it) for it in retry.mt_delays_seconds]
        callback_tiers = [tier_topic(CALLBACK_RETRY, it) for it in retry.callback_delays_seconds]
        self._consumed_by = {
            "sms-processor": [SUBMITTED],
            "sms-delivery": [SEGMENTED],
            "sms-delivery-retry": mt_tiers,
            "sms-callback": [STATUS],
            "sms-callback-retry": callback_tiers,
        }
        self.tiers = {MT_RETRY: tuple(mt_tiers), CALLBACK_RETRY: tuple(callback_tiers)}
        everything = catalogue(partitions, retry.callback_delays_seconds, retry.mt_delays_seconds)
        self._places = [
            TopicPartition(topic.name, partition)
            for topic in everything
            if topic.name not in (DIRECTORY, AUDIT, OPTED_OUT, REMEMBERED, INGRESS_ANNOUNCED)
            for partition in range(topic.partitions)
        ]
        self._records: defaultdict[TopicPartition, list[Any]] = defaultdict(list)
        self._reading = asyncio.Lock()
        self.receipts_are_read = False
        """Whether an agent runs that rolls receipts up: most tests do without."""

    async def start(self) -> Self:
        """Connect."""
        self._consumer = AIOKafkaConsumer(
            **connection(self._kafka), client_id="arena", group_id=None, enable_auto_commit=False,
            auto_offset_reset="earliest", isolation_level="read_committed", retry_backoff_ms=50, fetch_max_wait_ms=50,
        )  # fmt: skip
        self._admin = AIOKafkaAdminClient(**connection(self._kafka), client_id="arena", request_timeout_ms=5000)
        await start(self._consumer, self._kafka)
        await start(self._admin, self._kafka)
        self._consumer.assign(self._places)
        return self

    async def stop(self) -> None:
        """Disconnect."""
        await stop(self._consumer)
        await self._admin.close()

    async def catch_up(self) -> None:
        """Read to the present end of every topic."""
        async with self._reading:
            ends = await self._consumer.end_offsets(self._places)
            for place, end in ends.items():
                while await self._consumer.position(place) < end:
                    fetched = await self._consumer.getmany(timeout_ms=200)
                    for come_from, records in fetched.items():
                        self._records[come_from] += records

    def records(self, *topics: str) -> Iterator[Any]:
        """Yield what has been read of `topics`, in order per partition."""
        for place in self._places:
            if place.topic in topics:
                yield from self._records[place]

    def dead_letters(self) -> Iterator[Any]:
        """Yield every dead letter that has been read."""
        yield from self.records(*{it.topic for it in self._places if it.topic.endswith(".dead-letter")})

    async def unfinished(self) -> list[str]:
        """Return the records that no commit covers yet, as `topic-partition@offset`.

        What is committed is asked for first: whatever a committed record has caused is then in what is read next.
        """
        committed: dict[TopicPartition, int] = {}
        also = {"sms-receipts": [STATUS, DLR_RECEIVED]} if self.receipts_are_read else {}
        for group, topics in (self._consumed_by | also).items():
            asked = [it for it in self._places if it.topic in topics]
            found = await self._admin.list_consumer_group_offsets(group, partitions=asked)
            for place in asked:
                offset = found[place].offset if place in found else -1
                committed[place] = min(offset, committed.get(place, offset))
        await self.catch_up()
        return [
            f"{place.topic}-{place.partition}@{record.offset}"
            for place, offset in committed.items()
            for record in self._records[place]
            if record.offset >= offset
        ]

    async def try_unfinished(self) -> list[str]:
        """Return what `unfinished` does, also while the broker is away: then nothing can be finished."""
        try:
            async with asyncio.timeout(CALL_LIMIT_SECONDS):
                return await self.unfinished()
        except (KafkaError, TimeoutError) as error:
            return [f"the broker does not tell: {error!r}"]
