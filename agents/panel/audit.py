"""The audit log: events go to their topic and come back from it, the newest of them are held for people to read."""

from collections import deque
from collections.abc import Iterable
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import ValidationError

from agents.panel.broker_writer import BrokerWriter
from agents.panel.operations.desk import audit_key
from pipeline.errors import BrokerUnreachable
from pipeline.kafka.client import reading, start, stop
from pipeline.settings import KafkaSettings
from schemas.directory.audit import AuditEvent
from schemas.record import OutRecord
from schemas.topics import AUDIT

MAX_HELD: Final = 10_000
_PLACE: Final = TopicPartition(AUDIT, 0)

log = structlog.get_logger(__name__)


class AuditLog:
    """Writes events, and follows the topic; `follow` must be running for new ones to show."""

    def __init__(self, kafka: KafkaSettings, writer: BrokerWriter) -> None:
        self._kafka = kafka
        self._writer = writer
        self._events: deque[AuditEvent] = deque(maxlen=MAX_HELD)
        self._consumer = AIOKafkaConsumer(
            **reading(kafka),
            client_id="panel-audit",
            auto_offset_reset="earliest",
            isolation_level=kafka.read_isolation,
        )

    async def start(self) -> None:
        """Find the newest events. Raises `BrokerUnreachable`, also when the topic does not exist."""
        await start(self._consumer, self._kafka)
        if AUDIT not in await self._consumer.topics():
            raise BrokerUnreachable(f"the topic {AUDIT} does not exist: run `smsout topics apply`")
        self._consumer.assign([_PLACE])
        begin = (await self._consumer.beginning_offsets([_PLACE]))[_PLACE]
        end = (await self._consumer.end_offsets([_PLACE]))[_PLACE]
        self._consumer.seek(_PLACE, max(begin, end - MAX_HELD))

    async def follow(self) -> None:
        """Take events as they come, until cancelled."""
        while True:
            fetched = await self._consumer.getmany(_PLACE, timeout_ms=1000, max_records=1000)
            for record in fetched.get(_PLACE, ()):
                try:
                    self._events.appendleft(AuditEvent.from_bytes(record.value or b""))
                except ValidationError as error:
                    log.error("audit_event_unreadable", offset=record.offset, error=str(error.error_count()))

    async def record(self, event: AuditEvent) -> None:
        """Write an event; return when the broker has it. Raises `BrokerError`."""
        await self._writer.write([OutRecord(AUDIT, audit_key(event), event.to_bytes(), partition=0)])

    def newest(self) -> Iterable[AuditEvent]:
        """Iterate over the newest events, newest first."""
        return tuple(self._events)

    async def stop(self) -> None:
        """Disconnect."""
        await stop(self._consumer)
