"""Follows `sms.directory` into memory: from its start before an agent is ready, then as it changes."""

import asyncio
from collections.abc import Callable
from typing import Self

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from pipeline.directory.model import Directory
from pipeline.errors import BrokerUnreachable, UnreadableRecord
from pipeline.kafka.client import reading, start, stop
from pipeline.metrics import DIRECTORY_VERSION
from pipeline.settings import KafkaSettings
from schemas.topics import DIRECTORY

log = structlog.get_logger(__name__)

RECORDS_AT_ONCE = 1000  # about 10 ms of parsing: a long read leaves the event loop to others in between


class DirectoryView:
    """Keeps `directory` equal to the topic. Reads only committed transactions of the one writer.

    `on_record` sees every record, also those that are no configuration.
    """

    def __init__(
        self, kafka: KafkaSettings, *, client_id: str, on_record: Callable[[ConsumerRecord], None] | None = None
    ) -> None:
        self.directory = Directory()
        self._kafka = kafka
        self._on_record = on_record
        self._place = TopicPartition(DIRECTORY, 0)
        self._advanced = asyncio.Condition()
        self._consumer = AIOKafkaConsumer(
            **reading(kafka),
            client_id=client_id,
            auto_offset_reset="earliest",
            isolation_level=kafka.read_isolation,
            fetch_max_wait_ms=500,
            max_partition_fetch_bytes=8_388_608,
        )

    async def start(self) -> Self:
        """Connect and read the whole topic. Raises `BrokerUnreachable`, also when the topic does not exist."""
        try:
            await start(self._consumer, self._kafka)
            if DIRECTORY not in await self._consumer.topics():
                raise BrokerUnreachable(f"the topic {DIRECTORY} does not exist: run `smsout topics apply`")
            self._consumer.assign([self._place])
            await self._consumer.seek_to_beginning(self._place)
            await self.catch_up()
        except BaseException:
            await stop(self._consumer)
            raise
        return self

    async def catch_up(self) -> None:
        """Apply everything that is in the topic now; an open transaction is not.

        Waits for up to half a second behind a `follow` that is going on: the broker answers a connection's requests
        one after the other.
        """
        end = (await self._consumer.end_offsets([self._place]))[self._place]
        # Transaction markers take offsets too, so the position is compared, not the last record's offset.
        answered_at: int | None = None
        while (position := await self._consumer.position(self._place)) < end:
            await self._take(timeout_ms=100)
            if await self._consumer.position(self._place) > position:
                answered_at = None
                continue
            # Compaction can leave nothing at all between the last record and the end. The broker then answers one
            # fetch after the other with nothing, although its stable offset says that it holds nothing back.
            last = self._consumer.last_poll_timestamp(self._place)
            stable = self._consumer.last_stable_offset(self._place)
            if answered_at is None or last is None:
                answered_at = last
            elif last > answered_at and stable is not None and stable >= end:
                await self._take(timeout_ms=0)  # what came together with the time-out
                if await self._consumer.position(self._place) == position:
                    return

    async def follow(self) -> None:
        """Apply changes as they come, until cancelled."""
        while True:
            await self._take(timeout_ms=1000)

    async def wait_for(self, offset: int) -> None:
        """Wait until a `follow` that is going on has applied the record at `offset`."""
        async with self._advanced:
            await self._advanced.wait_for(lambda: self.directory.version >= offset)

    async def _take(self, timeout_ms: int) -> None:
        fetched = await self._consumer.getmany(self._place, timeout_ms=timeout_ms, max_records=RECORDS_AT_ONCE)
        for record in fetched.get(self._place, ()):
            try:
                self.directory.apply(record.key, record.value, record.offset)
            except UnreadableRecord as error:
                log.error("directory_record_unreadable", offset=record.offset, error=str(error))
            if self._on_record is not None:
                self._on_record(record)
        if fetched:
            DIRECTORY_VERSION.set(self.directory.version)
            async with self._advanced:
                self._advanced.notify_all()
            await asyncio.sleep(0)  # what is fetched already comes without waiting

    async def stop(self) -> None:
        """Disconnect."""
        await stop(self._consumer)
