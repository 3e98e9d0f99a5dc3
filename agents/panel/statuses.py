"""Follows `sms.mt.status` for the messages that this panel sends itself, and only while it waits for one."""

from time import time

import structlog
from aiokafka import AIOKafkaConsumer
from pydantic import ValidationError

from agents.panel.operations.messages import SentMessages
from pipeline.kafka.client import reading, start, stop
from pipeline.kafka.offsets_since import offsets_since
from pipeline.settings import KafkaSettings
from schemas.status import MessageStatus
from schemas.topics import STATUS

log = structlog.get_logger(__name__)

BEFORE_SECONDS = 10.0  # the clocks of panel and delivery may differ


class Statuses:
    """Tells `sent` what becomes of its messages. Everybody else's statuses cost a look at their key."""

    def __init__(self, kafka: KafkaSettings, sent: SentMessages) -> None:
        self._kafka = kafka
        self._sent = sent
        self._consumer = AIOKafkaConsumer(
            STATUS,
            **reading(kafka),
            client_id="panel-statuses",
            auto_offset_reset="latest",
        )

    async def start(self) -> None:
        """Connect, and rest. Raises `BrokerUnreachable`, also when the topic does not exist."""
        await start(self._consumer, self._kafka)  # refuses a topic that is not there
        self._consumer.pause(*self._consumer.assignment())

    async def follow(self) -> None:
        """Take statuses as they come, until cancelled; rest while no message waits for its first one."""
        while True:
            if not self._sent.expects_statuses.is_set():
                self._consumer.pause(*self._consumer.assignment())
                await self._sent.expects_statuses.wait()
                await self._wake()
            for records in (await self._consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    if (record.key or b"").decode(errors="replace") in self._sent:
                        self._note(record.value or b"")

    async def _wake(self) -> None:
        """Go on with what was written from a moment before the message that is waited for was sent."""
        places = self._consumer.assignment()
        since = int((time() - BEFORE_SECONDS) * 1000)
        for place, offset in (await offsets_since(self._consumer, places, since)).items():
            self._consumer.seek(place, offset)
        self._consumer.resume(*places)

    def _note(self, value: bytes) -> None:
        try:
            self._sent.note(MessageStatus.from_bytes(value))
        except ValidationError as error:
            log.error("status_unreadable", problems=error.error_count())

    async def stop(self) -> None:
        """Disconnect."""
        await stop(self._consumer)
