"""Limits of a day against a real broker: two processors, one of which is killed again and again."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.kafka.admin import topic_admin
from pipeline.kafka.admin.group_offsets import group_offsets
from pipeline.kafka.producer import RecordProducer, javas_partition_of
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings
from schemas.directory.entry import DirectoryEntry, key_of
from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7
from schemas.messages.destination import Destination
from schemas.messages.mt_message import MtMessage
from schemas.messages.status import CodeId, MessageStatus
from schemas.record import OutRecord
from schemas.state.day_count import DayCount
from schemas.topics import COUNTED, DIRECTORY, SEGMENTED, STATUS, SUBMITTED
from tests.brokers import RunningBroker, running_broker
from tests.builders import account, carrier, did, route, submission, trunk
from tests.integration.agent_process import AgentProcess, agent_process
from tests.integration.patience import LIMIT_SECONDS, until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

PARTITIONS = 2
LIMIT, SPEND = 150, Decimal(1)
MESSAGES = 10  # of each submission
CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """A broker for this module alone: what is in its topics is counted."""
    with running_broker(tmp_path_factory.mktemp("day-limits")) as started:
        yield started


def trunk_in(partition: int, **limits: Any) -> Trunk:
    """Return a trunk whose submissions lie in a partition."""
    while javas_partition_of((made := uuid7()).encode(), PARTITIONS) != partition:
        pass
    return trunk(id=made, name=f"trunk {partition}", **limits)


async def directory(producer: RecordProducer, *entries: DirectoryEntry) -> None:
    await producer.write([OutRecord(DIRECTORY, key_of(it), it.to_bytes()) for it in entries])


async def submit(producer: RecordProducer, of: Trunk, submissions: int) -> None:
    for _ in range(submissions):
        numbers = [Destination(address=f"1555{number:07}") for number in range(MESSAGES)]
        value = submission(*numbers, id=uuid7(), trunk_id=of.id).to_bytes()
        await producer.write([OutRecord(SUBMITTED, of.id.encode(), value)])


async def outcomes(kafka: KafkaSettings) -> dict[str, dict[str, set[str]]]:
    """Return by trunk what became of each message: it is in one topic alone, however often it was written there."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for topic in (SEGMENTED, STATUS):
        async with aclosing(read_topic(kafka, topic, client_id="test-day-limits")) as records:
            async for it in records:
                if topic == SEGMENTED:
                    message = MtMessage.from_bytes(it.value or b"")
                    found[message.trunk_id][message.id].add("sent")
                else:
                    status = MessageStatus.from_bytes(it.value or b"")
                    assert status.code_id is CodeId.INSUFFICIENT_BALANCE, status
                    found[status.trunk_id][status.message_id].add("refused")
    return found


async def last_counts(kafka: KafkaSettings) -> dict[str, DayCount]:
    """Return what each trunk has used up, and see that it lies where its submissions do."""
    found: dict[str, DayCount] = {}
    async with aclosing(read_topic(kafka, COUNTED, client_id="test-day-limits")) as records:
        async for it in records:
            count = found[(it.key or b"").decode()] = DayCount.from_bytes(it.value or b"")
            assert it.partition == javas_partition_of(count.trunk_id.encode(), PARTITIONS)
    return found


async def test_two_processors_keep_to_the_limits_whatever_is_killed(broker: RunningBroker, tmp_path: Path) -> None:
    """By segments and by spend; each message is sent or refused, never both, and a limit is used to its end."""
    kafka = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, session_timeout_seconds=6)
    await topic_admin.apply(kafka, TopicSettings(partitions=PARTITIONS), RetrySettings())
    by_segments = trunk_in(0, segments_per_day=LIMIT)
    by_spend = trunk_in(1, spend_per_day=SPEND, spend_currency="USD")
    free = trunk_in(0)
    producer = await RecordProducer(kafka, client_id="test").start()
    priced = route(price_per_segment=CENT, currency="USD")
    await directory(producer, account(), did(), carrier(), priced, by_segments, by_spend, free)
    environment = {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers, "SMSOUT_KAFKA_SESSION_TIMEOUT_SECONDS": "6",
    }  # fmt: skip

    async def is_done() -> bool:
        found = await group_offsets(kafka, "sms-processor", [SUBMITTED], client_id="test-day-limits")
        return all(it.committed == it.end for it in found.values())

    submitted = 0
    async with agent_process("processor", tmp_path / "steady", environment) as steady:
        await steady.until_ready()
        for life, place in enumerate(("after_counts:1", "after_counts:3", "after_outputs:2")):
            fatal = environment | {"SMSOUT_FAILPOINT": f"processor.{place}"}
            async with agent_process("processor", tmp_path / f"killed-{life}", fatal) as killed:
                await joined(killed)
                async with asyncio.timeout(LIMIT_SECONDS):
                    while killed.process.returncode is None:
                        await asyncio.gather(*(submit(producer, it, 1) for it in (by_segments, by_spend, free)))
                        submitted += 1
                        await asyncio.sleep(0.05)
        await asyncio.gather(*(submit(producer, it, LIMIT // MESSAGES) for it in (by_segments, by_spend, free)))
        submitted += LIMIT // MESSAGES
        await until(is_done)
        found = await outcomes(kafka)
        assert {trunk_id: len(messages) for trunk_id, messages in found.items()} == dict.fromkeys(
            (by_segments.id, by_spend.id, free.id), submitted * MESSAGES
        )
        assert [it for messages in found.values() for it in messages.values() if len(it) > 1] == []
        sent = {trunk_id: sum(it == {"sent"} for it in messages.values()) for trunk_id, messages in found.items()}
        assert sent == {by_segments.id: LIMIT, by_spend.id: int(SPEND / CENT), free.id: submitted * MESSAGES}
        counts = await last_counts(kafka)
        assert counts.keys() == {by_segments.id, by_spend.id}
        assert counts[by_segments.id].used[0].segments == LIMIT
        assert (counts[by_spend.id].used[0].spend or {})["USD"] == SPEND

        # Raised, it is in force within a second for what comes then.
        await directory(producer, by_segments.model_copy(update={"segments_per_day": LIMIT + 5}))
        await submit(producer, by_segments, 1)
        await until(is_done)
        again = (await outcomes(kafka))[by_segments.id]
        assert sum(it == {"sent"} for it in again.values()) == LIMIT + 5
        assert await steady.stop() == 0, steady.log.read_text()
    await producer.stop()


async def joined(agent: AgentProcess) -> None:
    """Wait until a processor has a part of the partitions: it is ready then, or it is dead already."""

    async def is_in() -> bool:
        return agent.process.returncode is not None or (await agent.get("/readyz"))[0] == 200

    await until(is_in)
