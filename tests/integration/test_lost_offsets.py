"""Groups whose offsets are gone, against a real broker: they do not begin anew; an operator says where they go on."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents.exit_codes import EXIT_CONFIGURATION
from pipeline.errors import ConfigurationError
from pipeline.kafka.admin import topic_admin
from pipeline.kafka.admin.group_offsets import group_offsets
from pipeline.kafka.admin.positions import commit_positions, positions_at, require_positions
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import AgentSettings, KafkaSettings, RetrySettings, TopicSettings
from pipeline.slot import Slot
from schemas.identifiers import uuid7
from schemas.record import OutRecord
from schemas.topics import (
    CALLBACK_ATTEMPTED,
    CALLBACK_PARKED,
    DEFERRED,
    DLR_GATHERED,
    DLR_MATCHED,
    JOURNAL,
    MT_PARKED,
    SCHEDULED,
    SEGMENTED,
    STATUS,
)
from tests.brokers import running_broker
from tests.integration.agent_process import agent_process

pytestmark = pytest.mark.kafka


@dataclass
class Bench:
    """Two topics of two partitions: one that a group reads, one that only it writes to."""

    kafka: KafkaSettings
    group: str = field(default_factory=lambda: f"test.lost-{uuid7()}")

    @property
    def wrote(self) -> str:
        return f"{self.group}.wrote"

    async def start(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap_servers)
        await admin.start()
        await admin.create_topics([NewTopic(name, 2, 1) for name in (self.group, self.wrote)])
        await admin.close()

    async def write(self, topic: str, count: int) -> None:
        producer = await RecordProducer(self.kafka, client_id="test-lost").start()
        await producer.write(OutRecord(topic, None, b"%d" % n, partition=1) for n in range(count))
        await producer.stop()

    async def require(self) -> None:
        await require_positions(self.kafka, {self.group: [self.group]}, worked_if=[self.wrote])

    async def committed(self) -> dict[int, int | None]:
        found = await group_offsets(self.kafka, self.group, [self.group], client_id="test-lost")
        return {place.partition: it.committed for place, it in found.items()}


@pytest_asyncio.fixture
async def bench(kafka: str) -> AsyncIterator[Bench]:
    made = Bench(KafkaSettings(bootstrap_servers=kafka))
    await made.start()
    yield made


async def test_a_new_group_gets_its_positions_before_it_does_anything(bench: Bench) -> None:
    """What its topic holds already is all ahead of it, and from now on a lack of positions is a loss."""
    await bench.write(bench.group, 5)
    await bench.require()
    assert await bench.committed() == {0: 0, 1: 0}
    await bench.write(bench.wrote, 1)
    await bench.require()


async def test_a_group_that_has_worked_and_has_no_offsets_does_not_start(bench: Bench) -> None:
    """The error names the group, what shows it, and the command that puts it right; nothing is committed."""
    await bench.write(bench.group, 5)
    await bench.write(bench.wrote, 1)
    with pytest.raises(ConfigurationError, match=rf"{bench.group} are lost.*{bench.wrote}.*smsout offsets set"):
        await bench.require()
    assert await bench.committed() == {0: None, 1: None}
    await commit_positions(bench.kafka, bench.group, {TopicPartition(bench.group, 1): 3})
    await bench.require()
    assert await bench.committed() == {0: None, 1: 3}


async def test_positions_are_not_set_under_a_member(bench: Bench) -> None:
    """It would go on with its own, and commit them; a start beside one leaves them alone."""
    consumer = TrackedConsumer(
        bench.kafka, AgentSettings(), slot=Slot.take(None, "test"), group=bench.group, topics=[bench.group],
        run_ahead=100,
    )  # fmt: skip
    await consumer.start()
    async with asyncio.timeout(30):
        while not consumer.joined:
            await asyncio.sleep(0.05)
    before = await bench.committed()
    with pytest.raises(ConfigurationError, match="1 members: stop them first"):
        await commit_positions(bench.kafka, bench.group, {TopicPartition(bench.group, 1): 3})
    await commit_positions(bench.kafka, bench.group, {TopicPartition(bench.group, 1): 3}, first=True)
    assert await bench.committed() == before
    await consumer.stop()


async def test_a_time_is_the_first_record_from_then_on(bench: Bench) -> None:
    """Where nothing is as new as that, it is the end."""
    await bench.write(bench.group, 2)
    between = datetime.now(UTC)
    await bench.write(bench.group, 3)
    found = await group_offsets(bench.kafka, bench.group, [bench.group], client_id="test-lost")
    assert await positions_at(bench.kafka, found, between) == {
        TopicPartition(bench.group, 0): 0,
        TopicPartition(bench.group, 1): 2,
    }


WRITTEN = {
    "processor": (SEGMENTED, STATUS, SCHEDULED),
    "delivery": (JOURNAL, MT_PARKED),
    "callback": (CALLBACK_ATTEMPTED, CALLBACK_PARKED),
    "receipts": (DLR_GATHERED, DLR_MATCHED),
    "scheduler": (DEFERRED,),
}
"""What each agent may write before it writes anything else."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KafkaSettings]:
    """A broker on which every agent has worked, and no group has committed anything."""
    with running_broker(tmp_path_factory.mktemp("worked")) as broker:
        kafka = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
        await topic_admin.apply(kafka, TopicSettings(partitions=2), RetrySettings())
        producer = await RecordProducer(kafka, client_id="test-lost").start()
        await producer.write([OutRecord(topic, b"k", b"{}") for topics in WRITTEN.values() for topic in topics])
        await producer.stop()
        yield kafka


@pytest.mark.parametrize("agent", WRITTEN)
async def test_whatever_an_agent_writes_first_shows_that_it_has_worked(
    worked: KafkaSettings, tmp_path: Path, agent: str
) -> None:
    """Also where it has only moved on what came, to wait elsewhere: read again it would be there twice."""
    environment = {"SMSOUT_KAFKA_BOOTSTRAP_SERVERS": worked.bootstrap_servers}
    log = tmp_path / "log"
    async with agent_process(agent, log, environment) as process:
        assert await process.process.wait() == EXIT_CONFIGURATION, log.read_text()
    text = log.read_text()
    assert "are lost" in text
    assert [topic for topic in WRITTEN[agent] if topic not in text] == []
