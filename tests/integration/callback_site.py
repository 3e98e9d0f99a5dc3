"""A broker with the topics that the callback agent lives on, and the agent between them and a receiver."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline.directory.credentials import new_callback_secret
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings, RetrySettings
from schemas.directory.entry import key_of
from schemas.directory.trunk import Trunk
from schemas.headers.dead_letter import DeadLetterSource
from schemas.identifiers import uuid7
from schemas.messages.callback import CallbackAttempt
from schemas.messages.status import MessageStatus
from schemas.record import OutRecord
from schemas.topics import CALLBACK_ATTEMPTED, DIRECTORY, STATUS
from tests import builders
from tests.fakes.receiver import Received, Receiver
from tests.installation import install
from tests.integration.agent_process import AgentProcess, agent_process
from tests.integration.patience import until

RETRY: Final = RetrySettings(callback_delays_seconds=(1, 2, 3, 60))
STATUS_DEAD_LETTERS: Final = "sms.mt.status.dead-letter"


def new_trunk(url: str | None) -> Trunk:
    """Return a trunk that is called back there, signed with a secret of its own."""
    return builders.trunk(id=uuid7(), account_id=uuid7(), callback_url=url, callback_secrets=(new_callback_secret(),))


def new_status(trunk: Trunk) -> MessageStatus:
    """Return how a message of `trunk` has just ended."""
    return builders.status(
        message_id=uuid7(), trunk_id=trunk.id, account_id=trunk.account_id, accepted_at=datetime.now(UTC)
    )


@dataclass
class CallbackSite:
    """A broker with topics, and a producer in the place of the stages before."""

    kafka: KafkaSettings
    producer: RecordProducer

    async def add(self, trunk: Trunk) -> Trunk:
        await self.producer.write([OutRecord(DIRECTORY, key_of(trunk), trunk.to_bytes())])
        return trunk

    async def end(self, *statuses: MessageStatus) -> None:
        await self.producer.write([OutRecord(STATUS, one.message_id.encode(), one.to_bytes()) for one in statuses])

    async def dead_letters(self, topic: str, wanted: Callable[[DeadLetterSource, bytes], bool]) -> list[bytes]:
        """The values of those in `topic` now that are wanted."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap_servers, auto_offset_reset="earliest")
        await consumer.start()
        try:
            place = TopicPartition(topic, 0)
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            found: list[bytes] = []
            while await consumer.position(place) < end:
                records = (await consumer.getmany(place, timeout_ms=200)).get(place, ())
                found += [
                    record.value
                    for record in records
                    if wanted(DeadLetterSource.from_headers(tuple(record.headers)), record.value)
                ]
        finally:
            await consumer.stop()
        return found


async def attempts_of(site: CallbackSite, statuses: list[MessageStatus], count: int) -> list[CallbackAttempt]:
    """Every attempt on record at these messages, in order of time, when there are `count`."""
    wanted = {status.message_id for status in statuses}
    found: list[CallbackAttempt] = []
    consumer = AIOKafkaConsumer(
        CALLBACK_ATTEMPTED, bootstrap_servers=site.kafka.bootstrap_servers, auto_offset_reset="earliest",
        isolation_level="read_committed",
    )  # fmt: skip
    await consumer.start()
    try:

        async def all_there() -> bool:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                events = [CallbackAttempt.from_bytes(record.value) for record in records]
                found.extend(event for event in events if event.message_id in wanted)
            return len(found) >= count

        await until(all_there)
    finally:
        await consumer.stop()
    return sorted(found, key=lambda event: event.at)


@asynccontextmanager
async def callback_site(kafka: str) -> AsyncIterator[CallbackSite]:
    """Yield a site on the broker that the session shares."""
    settings = KafkaSettings(bootstrap_servers=kafka)
    await install(settings, 2, RETRY)
    producer = await RecordProducer(settings, client_id="test").start()
    try:
        yield CallbackSite(settings, producer)
    finally:
        await producer.stop()


async def until_received(receiver: Receiver, path: str, count: int) -> list[Received]:
    """Wait until so many POSTs have come to `path`; return all of them."""

    async def enough() -> bool:
        return len(receiver.of(path)) >= count

    await until(enough)
    return receiver.of(path)


@asynccontextmanager
async def callback_agent(
    site: CallbackSite, receiver: Receiver, log: Path, failpoint: str | None = None, **settings: str
) -> AsyncIterator[AgentProcess]:
    """Run an agent that may call `receiver` until the context ends; `settings` are environment variables."""
    environment = {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": site.kafka.bootstrap_servers,
        "SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS": "1,2",
        "SMSOUT_CALLBACK_ALLOWED_ADDRESSES": f"127.0.0.1:{receiver.port}",
        "SMSOUT_KAFKA_SESSION_TIMEOUT_SECONDS": "6",
        **settings,
    }
    if failpoint is not None:
        environment["SMSOUT_FAILPOINT"] = failpoint
    async with agent_process("callback", log, environment) as agent:
        await agent.until_ready()
        yield agent
