"""Follows `sms.mt.status` from its end, for the messages that this panel sends itself."""

import structlog
from aiokafka import AIOKafkaConsumer
from pydantic import ValidationError

from agents.panel.operations.messages import SentMessages
from pipeline.kafka.client import connection, start
from pipeline.settings import KafkaSettings
from schemas.status import MessageStatus
from schemas.topics import STATUS

log = structlog.get_logger(__name__)


class Statuses:
    """Tells `sent` what becomes of its messages. Everybody else's statuses cost a look at their key."""

    def __init__(self, kafka: KafkaSettings, sent: SentMessages) -> None:
        self._kafka = kafka
        self._sent = sent
        self._consumer = AIOKafkaConsumer(
            STATUS,
            **connection(kafka),
            client_id="panel-statuses",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            retry_backoff_ms=50,
        )

    async def start(self) -> None:
        """Stand at the topic's end. Raises `BrokerUnreachable`, also when the topic does not exist."""
        await start(self._consumer, self._kafka)  # refuses a topic that is not there
        await self._consumer.seek_to_end()

    async def follow(self) -> None:
        """Take statuses as they come, until cancelled."""
        while True:
            for records in (await self._consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    if (record.key or b"").decode(errors="replace") in self._sent:
                        self._note(record.value or b"")

    def _note(self, value: bytes) -> None:
        try:
            self._sent.note(MessageStatus.from_bytes(value))
        except ValidationError as error:
            log.error("status_unreadable", problems=error.error_count())

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()
