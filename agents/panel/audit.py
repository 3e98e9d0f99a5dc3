"""The audit log: events go to their topic and come back from it, the newest of them are held for people to read."""

from collections import deque
from collections.abc import Iterable
from typing import Final

import structlog
from pydantic import ValidationError

from agents.panel.operations.entries.audit_trail import audit_record
from agents.panel.restarting_producer import RestartingProducer
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.settings import KafkaSettings
from schemas.directory.audit import AuditEvent
from schemas.topics import AUDIT

MAX_HELD: Final = 10_000

log = structlog.get_logger(__name__)


class AuditLog:
    """Writes events, and follows the topic; `follow` must be running for new ones to show."""

    def __init__(self, kafka: KafkaSettings, writer: RestartingProducer) -> None:
        self._writer = writer
        self._events: deque[AuditEvent] = deque(maxlen=MAX_HELD)
        self._follower = TopicFollower(kafka, AUDIT, client_id="panel-audit")

    async def start(self) -> None:
        """Find the newest events. Raises `BrokerUnreachable`, also when the topic does not exist."""
        await self._follower.start()
        await self._follower.look_back(records=MAX_HELD)

    async def follow(self) -> None:
        """Take events as they come, until cancelled."""
        while True:
            for record in await self._follower.take():
                try:
                    self._events.appendleft(AuditEvent.from_bytes(record.value or b""))
                except ValidationError as error:
                    log.error("audit_event_unreadable", offset=record.offset, error=str(error.error_count()))

    async def record(self, event: AuditEvent) -> None:
        """Write an event; return when the broker has it. Raises `BrokerError`."""
        await self._writer.write([audit_record(event)])

    def newest(self) -> Iterable[AuditEvent]:
        """Iterate over the newest events, newest first."""
        return tuple(self._events)

    async def stop(self) -> None:
        """Disconnect."""
        await self._follower.stop()
