"""A producer for people who wait for the answer: it gives up in seconds, and begins anew after a failure."""

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from pipeline.errors import BrokerError, BrokerUnreachable, NotAcknowledged
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings
from schemas.record import OutRecord

STOP_SECONDS: Final = 3.0

log = structlog.get_logger(__name__)


class RestartingProducer:
    """One idempotent producer at a time; one that has failed is left behind, because it may have a hole."""

    def __init__(self, kafka: KafkaSettings, client_id: str, timeout_seconds: float) -> None:
        self._kafka = kafka.model_copy(update={"connect_timeout_seconds": timeout_seconds})
        self._client_id = client_id
        self._timeout_seconds = timeout_seconds
        self._producer: RecordProducer | None = None
        self._starting = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()

    async def write(self, records: Iterable[OutRecord]) -> None:
        """Write `records`; return when the broker has them.

        Raises `BrokerUnreachable` when nothing was written, and `NotAcknowledged` when it may or may not be.
        """
        producer = await self._started()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await producer.write(records)
        except TimeoutError as error:
            self._discard(producer)
            raise NotAcknowledged(f"no acknowledgement within {self._timeout_seconds:g} s", stage="panel") from error
        except BaseException as error:
            if not isinstance(error, asyncio.CancelledError):
                self._discard(producer)
            raise

    async def _started(self) -> RecordProducer:
        async with self._starting:
            if self._producer is None:
                producer = RecordProducer(self._kafka, client_id=self._client_id)
                try:
                    self._producer = await producer.start()
                except BrokerUnreachable:
                    await _stop(producer)
                    raise
            return self._producer

    def _discard(self, producer: RecordProducer) -> None:
        """Leave a producer behind. It stops by itself: nobody waits for a broker that does not answer."""
        if self._producer is producer:
            self._producer = None
            task = asyncio.create_task(_stop(producer))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def stop(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            self._discard(self._producer)
        if self._leaving:
            await asyncio.wait(set(self._leaving))


async def _stop(producer: RecordProducer) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await producer.stop()
    except (KafkaError, BrokerError, TimeoutError) as error:
        log.warning("producer_did_not_stop", error=repr(error))
