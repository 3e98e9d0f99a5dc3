"""What the panel remembers over a restart: who is logged in, and when users and API keys were last used.

Held in this process; a copy goes to its topic in the background, and comes back at the next start. Nobody waits for
that: while the broker is silent, what changes is kept for when it answers, the newest of each key.
"""

import asyncio
from typing import Final

import structlog
from pydantic import ValidationError

from agents.panel.restarting_producer import RestartingProducer
from pipeline.errors import BrokerError
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings
from schemas.record import OutRecord
from schemas.state.remembered import Remembered
from schemas.topics import REMEMBERED

AT_ONCE: Final = 500
AGAIN_SECONDS: Final = 5.0
LAST_SECONDS: Final = 3.0

log = structlog.get_logger(__name__)


class Memory:
    """Writes what changes, and gives out at the start what was there."""

    def __init__(self, kafka: KafkaSettings, writer: RestartingProducer) -> None:
        self._kafka = kafka
        self._writer = writer
        self._changed: dict[str, Remembered | None] = {}
        self._something = asyncio.Event()

    async def load(self) -> dict[str, Remembered]:
        """Return what is remembered, by key. Raises `BrokerUnreachable`, also when the topic does not exist."""
        held: dict[str, Remembered] = {}
        async for record in read_topic(self._kafka, REMEMBERED, client_id="panel-memory"):
            key = (record.key or b"").decode(errors="replace")
            if record.value is None:
                held.pop(key, None)
                continue
            try:
                held[key] = Remembered.from_bytes(record.value)
            except ValidationError as error:
                log.error("remembered_unreadable", offset=record.offset, problems=error.error_count())
        return held

    def remember(self, key: str, value: Remembered | None) -> None:
        """Keep a value; None forgets."""
        self._changed[key] = value
        self._something.set()

    async def keep(self) -> None:
        """Write what changes, until cancelled."""
        while True:
            await self._something.wait()
            try:
                await self._write()
            except BrokerError as error:
                log.warning("not_remembered_yet", error=repr(error))
                await asyncio.sleep(AGAIN_SECONDS)

    async def stop(self) -> None:
        """Write the rest, when the broker takes it at once."""
        try:
            async with asyncio.timeout(LAST_SECONDS):
                while self._changed:
                    await self._write()
        except (BrokerError, TimeoutError) as error:
            log.warning("not_remembered", count=len(self._changed), error=repr(error))

    async def _write(self) -> None:
        some = dict(list(self._changed.items())[:AT_ONCE])
        await self._writer.write(
            OutRecord(REMEMBERED, key.encode(), None if value is None else value.to_bytes(), partition=0)
            for key, value in some.items()
        )
        for key, value in some.items():
            if self._changed.get(key, value) is value:  # else it has changed again meanwhile
                self._changed.pop(key, None)
        if not self._changed:
            self._something.clear()
