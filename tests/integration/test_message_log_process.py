"""The agent message_log as a process of its own against a real Apache Kafka, killed where it hurts most."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.local.ports import free_port
from pipeline.kafka.admin import topic_admin
from pipeline.kafka.producer import RecordProducer
from pipeline.message_log.database import parsed, writer_engine
from pipeline.message_log.writing.decoding import TOPICS
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings
from schemas.record import OutRecord
from tests.brokers import running_broker
from tests.builders import PEPPER
from tests.integration.agent_process import agent_process
from tests.integration.patience import until
from tests.message_lives import PARTITIONS, Lives, disposed, many_lives, rows_of

pytestmark = pytest.mark.kafka

MESSAGES = 120


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    """A broker whose topics have what the lives of some messages leave there, and nothing else."""
    with running_broker(tmp_path_factory.mktemp("log-broker")) as broker:
        settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
        asyncio.run(_fill(settings, many_lives(MESSAGES)))
        yield settings


async def _fill(kafka: KafkaSettings, lives: Lives) -> None:
    await topic_admin.apply(kafka, TopicSettings(partitions=PARTITIONS), RetrySettings())
    producer = await RecordProducer(kafka, client_id="lives").start()
    for place, records in lives.records.items():
        await producer.write([OutRecord(place.topic, b"key", it.value, (), place.partition) for it in records])
    await producer.stop()


def environment(kafka: KafkaSettings, database: Path, failpoint: str | None = None) -> dict[str, str]:
    found = {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "SMSOUT_PEPPER": PEPPER.decode(),
        "SMSOUT_DATABASE_URL": f"sqlite:///{database}",
        "SMSOUT_MESSAGE_LOG_PORT": str(free_port()),
        "SMSOUT_MESSAGE_LOG_RETENTION_DAYS": "3650",  # the lives are of a fixed day
        "SMSOUT_MESSAGE_LOG_BATCH_RECORDS": "60",  # many transactions, each of which can be the last
        "SMSOUT_MESSAGE_LOG_GATHER_SECONDS": "0",
    }
    return found if failpoint is None else found | {"SMSOUT_FAILPOINT": failpoint}


async def caught_up(kafka: KafkaSettings, database: Path, log: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Run the agent until it has everything; return all rows."""
    async with agent_process("message_log", log, environment(kafka, database)) as agent:
        await agent.until_ready()

        async def has_everything() -> bool:
            of_topic = 'smsout_topic_unfinished_records{{agent="message_log",topic="{}"}}'
            return not any([await agent.metric(of_topic.format(topic)) for topic in TOPICS])

        await until(has_everything)
        assert await agent.stop() == 0
    with disposed(writer_engine(parsed(f"sqlite:///{database}"))) as engine:
        return rows_of(engine)


async def test_kills_lose_and_double_nothing(kafka: KafkaSettings, tmp_path: Path) -> None:
    """Inside of a transaction and right behind it, life after life; then it is what an undisturbed one has made."""
    undisturbed = await caught_up(kafka, tmp_path / "undisturbed.sqlite", tmp_path / "log")
    assert sum(len(rows) for name, rows in undisturbed.items() if name.startswith("messages")) > MESSAGES
    database = tmp_path / "killed.sqlite"
    for failpoint in ("message_log.before_commit:1", "message_log.after_commit:2", "message_log.before_commit:3"):
        async with agent_process("message_log", tmp_path / "log", environment(kafka, database, failpoint)) as agent:
            assert await agent.ended() == -9
    assert await caught_up(kafka, database, tmp_path / "log") == undisturbed
