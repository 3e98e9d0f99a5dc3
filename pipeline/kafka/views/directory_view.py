"""Follows `sms.directory` into memory: from its start before an agent is ready, then as it changes."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Self

import structlog

from pipeline.directory.model import Directory
from pipeline.errors import ConfigurationError, UnreadableRecord
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.metrics import DIRECTORY_CHANGED, DIRECTORY_HEARD, DIRECTORY_VERSION
from pipeline.settings import KafkaSettings
from schemas.record import InRecord
from schemas.topics import DIRECTORY

log = structlog.get_logger(__name__)


class DirectoryView:
    """Keeps `directory` equal to the topic. Reads only committed transactions of the one writer.

    `on_record` sees every record, also those that are no configuration.
    """

    def __init__(
        self, kafka: KafkaSettings, *, client_id: str, on_record: Callable[[InRecord], None] | None = None
    ) -> None:
        self.directory = Directory()
        self._on_record = on_record
        self._advanced = asyncio.Condition()
        self._follower = TopicFollower(
            kafka, DIRECTORY, client_id=client_id, fetch_max_wait_ms=500, max_partition_fetch_bytes=8_388_608
        )

    async def start(self) -> Self:
        """Connect and read the whole topic. Raises `BrokerUnreachable`, also when the topic does not exist.

        Raises `ConfigurationError` where a later version of the program has written some of it: what this one does not
        know it would refuse, customers and their messages with it. One that runs meanwhile keeps what it knew.
        """
        try:
            await self._follower.start()
            self._follower.narrow_to([0])
            DIRECTORY_HEARD.set_function(self._follower.heard_at)
            self._follower.begin_at(await self._follower.begins())
            await self.catch_up()
            if too_new := self.directory.too_new:
                first = min(too_new).decode(errors="replace")
                raise ConfigurationError(
                    f"{len(too_new)} entries of {DIRECTORY} are of a later version of smsout, {first} among them: "
                    "start that version again; nothing was changed, and nothing is lost"
                )
        except BaseException:
            await self.stop()
            raise
        return self

    async def catch_up(self) -> None:
        """Apply everything that is in the topic now; an open transaction is not.

        Waits for up to half a second behind a `follow` that is going on: the broker answers a connection's requests
        one after the other.
        """
        async for records in self._follower.read_to(await self._follower.ends()):
            await self._apply(records)

    async def follow(self) -> None:
        """Apply changes as they come, until cancelled."""
        while True:
            await self._apply(await self._follower.take())

    async def wait_for(self, offset: int) -> None:
        """Wait until a `follow` that is going on has applied the record at `offset`."""
        async with self._advanced:
            await self._advanced.wait_for(lambda: self.directory.version >= offset)

    async def _apply(self, records: Sequence[InRecord]) -> None:
        for record in records:
            try:
                self.directory.apply(record.key, record.value, record.offset)
            except UnreadableRecord as error:
                log.error("directory_record_unreadable", offset=record.offset, error=str(error))
            if self._on_record is not None:
                self._on_record(record)
        if records:
            DIRECTORY_VERSION.set(self.directory.version)
            DIRECTORY_CHANGED.set(records[-1].timestamp_ms / 1000)
            async with self._advanced:
                self._advanced.notify_all()
            await asyncio.sleep(0)  # what is fetched already comes without waiting

    async def stop(self) -> None:
        """Disconnect."""
        await self._follower.stop()
