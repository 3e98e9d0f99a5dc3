"""Follows `sms.directory` into memory: from its start before an agent is ready, then as it changes."""

import asyncio
from typing import Self

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline.directory import Directory
from pipeline.errors import BrokerUnreachable, UnreadableRecord
from pipeline.kafka.client import connection, start
from pipeline.metrics import DIRECTORY_VERSION
from pipeline.settings import KafkaSettings
from schemas.topics import DIRECTORY

log = structlog.get_logger(__name__)


class DirectoryView:
    """Keeps `directory` equal to the topic. Reads only committed transactions of the one writer."""

    def __init__(self, kafka: KafkaSettings, *, client_id: str) -> None:
        self.directory = Directory()
        self._kafka = kafka
        self._place = TopicPartition(DIRECTORY, 0)
        self._changed = asyncio.Condition()
        self._consumer = AIOKafkaConsumer(
            **connection(kafka),
            client_id=client_id,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            retry_backoff_ms=50,
            fetch_max_wait_ms=500,
            max_partition_fetch_bytes=8_388_608,
        )

    async def start(self) -> Self:
        """Connect and read the whole topic. Raises `BrokerUnreachable`, also when the topic does not exist."""
        await start(self._consumer, self._kafka)
        if self._consumer.partitions_for_topic(DIRECTORY) is None and DIRECTORY not in await self._consumer.topics():
            raise BrokerUnreachable(f"the topic {DIRECTORY} does not exist: run `smsout topics apply`")
        self._consumer.assign([self._place])
        await self._consumer.seek_to_beginning(self._place)
        await self.catch_up()
        return self

    async def catch_up(self) -> None:
        """Apply everything that is in the topic now."""
        end = (await self._consumer.end_offsets([self._place]))[self._place]
        # Transaction markers take offsets too, so the position is compared, not the last record's offset.
        while await self._consumer.position(self._place) < end:
            await self._take(timeout_ms=100)

    async def follow(self) -> None:
        """Apply changes as they come, until cancelled."""
        while True:
            await self._take(timeout_ms=1000)

    async def _take(self, timeout_ms: int) -> None:
        fetched = await self._consumer.getmany(self._place, timeout_ms=timeout_ms, max_records=5000)
        for record in fetched.get(self._place, ()):
            try:
                self.directory.apply(record.key, record.value, record.offset)
            except UnreadableRecord as error:
                log.error("directory_record_unreadable", offset=record.offset, error=str(error))
        if fetched:
            DIRECTORY_VERSION.set(self.directory.version)

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()
