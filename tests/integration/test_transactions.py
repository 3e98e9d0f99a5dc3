"""A direct producer's transactions: nothing of what is open or aborted is processed, and nobody stumbles over it."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from pipeline.errors import NotAcknowledged
from pipeline.kafka.admin.group_offsets import PartitionOffsets, group_offsets
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.handoff import HandOff
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import AgentSettings, KafkaSettings
from pipeline.slot import Slot
from schemas.headers.dead_letter import DeadLetterSource
from schemas.identifiers import uuid7
from schemas.record import OutRecord
from schemas.topics import SUBMITTED, dead_letter_topic
from tests.integration.agent_process import agent_process
from tests.integration.patience import until

pytestmark = pytest.mark.kafka

WATCHDOG_SECONDS = 2.0


async def producer_of(kafka: str, *, transacts: bool) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=str(uuid7()) if transacts else None)
    await producer.start()
    if transacts:
        await producer.begin_transaction()
    return producer


async def processed(kafka: KafkaSettings, mark: str) -> list[str]:
    """Return which records with the mark are dead letters, as all are that are seen: none can be read."""
    async with aclosing(read_topic(kafka, dead_letter_topic(SUBMITTED), client_id="test-transactions")) as records:
        letters = [(DeadLetterSource.from_headers(it.headers).offset, it.value or b"") async for it in records]
    return [value.decode().partition(" ")[2] for _, value in sorted(letters) if value.startswith(mark.encode())]


async def test_open_aborted_and_committed_transactions_interleaved(
    catalogue: KafkaSettings, kafka: str, tmp_path: Path
) -> None:
    """What lies behind an open one waits for its end; commits pass markers and what was aborted, at the idle end too,
    and no watchdog takes it for work."""
    mark, end = str(uuid7()), 0
    environment = {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": kafka, "SMSOUT_WATCHDOG_SECONDS": str(WATCHDOG_SECONDS),
    }  # fmt: skip
    plain = await producer_of(kafka, transacts=False)
    aborting, committing, opening = [await producer_of(kafka, transacts=True) for _ in range(3)]

    async def write(producer: AIOKafkaProducer, name: str) -> None:
        nonlocal end
        end = 1 + (await producer.send_and_wait(SUBMITTED, f"{mark} {name}".encode(), partition=0)).offset

    async def stands() -> PartitionOffsets:
        found = await group_offsets(catalogue, "sms-processor", [SUBMITTED], client_id="test-transactions")
        return next(it for place, it in found.items() if place.partition == 0)

    async with agent_process("processor", tmp_path / "log", environment) as agent:
        await agent.until_ready()
        for producer, name in (
            (plain, "plain 1"), (aborting, "aborted 1"), (committing, "committed 1"), (plain, "plain 2"),
            (aborting, "aborted 2"), (committing, "committed 2"), (opening, "open"), (plain, "plain 3"),
        ):  # fmt: skip
            await write(producer, name)
        first_open = end - 2
        await aborting.abort_transaction()
        await committing.commit_transaction()
        before = ["plain 1", "committed 1", "plain 2", "committed 2"]

        async def has_come_to_the_open_one() -> bool:
            return (await stands()).committed == first_open

        await until(has_come_to_the_open_one)
        assert await processed(catalogue, mark) == before
        assert (await stands()).lag == 0
        await asyncio.sleep(2 * WATCHDOG_SECONDS)  # an open transaction is nothing that stands still

        await opening.abort_transaction()
        await opening.begin_transaction()
        await write(opening, "aborted last")
        await opening.abort_transaction()

        async def is_through() -> bool:
            found = await stands()
            return found.committed == found.end > end

        await until(is_through)
        assert await processed(catalogue, mark) == [*before, "plain 3"]
        await asyncio.sleep(2 * WATCHDOG_SECONDS)  # neither is what is aborted, at the end of an idle partition
        assert await agent.stop() == 0, agent.log.read_text()
        assert await processed(catalogue, mark) == [*before, "plain 3"]
    await asyncio.gather(*(it.stop() for it in (plain, aborting, committing, opening)))


async def test_a_member_of_a_group_commits_past_what_is_no_record(kafka: str) -> None:
    """At the idle end too: whoever looks at the group sees that nothing waits."""
    settings, name = KafkaSettings(bootstrap_servers=kafka), f"test.transactions-{uuid7()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1)])
    await admin.close()
    producer = await producer_of(kafka, transacts=True)
    await producer.send_and_wait(name, b"committed", partition=0)
    await producer.commit_transaction()
    await producer.begin_transaction()
    await producer.send_and_wait(name, b"aborted", partition=0)
    await producer.abort_transaction()
    await producer.stop()
    consumer = TrackedConsumer(
        settings, AgentSettings(), slot=Slot.take(None, name), group=name, topics=[name], run_ahead=100
    )
    await consumer.start()
    stopping, found = asyncio.Event(), list[bytes | None]()

    async def read() -> None:
        async for batch in consumer.batches(stopping):
            for work in batch:
                assert work.begin()
                work.finish()
                found.append(work.record.value)

    async def is_through() -> bool:
        offsets = await group_offsets(settings, name, [name], client_id="test-transactions")
        return [it.committed for it in offsets.values()] == [4]

    tasks = [asyncio.create_task(it) for it in (read(), consumer.run_commits())]
    await until(is_through)
    stopping.set()
    await tasks[0]
    tasks[1].cancel()
    await asyncio.wait(tasks)
    await consumer.stop()
    assert found == [b"committed"]


async def test_nothing_is_committed_after_a_hand_off_that_was_fenced(kafka: str) -> None:
    """Whoever else commits meanwhile passes nothing: what was to be handed on would be in no topic any more."""
    settings, name = KafkaSettings(bootstrap_servers=kafka), f"test.fenced-{uuid7()}"
    topics = [name, f"{name}.next"]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(it, 1, 1) for it in topics])
    await admin.close()
    producer = await producer_of(kafka, transacts=False)
    await producer.send_and_wait(name, b"work", partition=0)
    await producer.stop()
    consumer = await TrackedConsumer(
        settings, AgentSettings(), slot=Slot.take(None, name), group=name, topics=[name], run_ahead=100,
        hand_off=HandOff(settings, group=name),
    ).start()  # fmt: skip
    (work,) = await anext(consumer.batches(asyncio.Event()))
    assert await consumer.may_begin(work)
    work.finish([OutRecord(topics[1], b"key", b"value")])
    taking_over = HandOff(settings, group=name)
    await taking_over.own({0})
    first, second, third = await asyncio.gather(*(consumer.commit() for _ in range(3)), return_exceptions=True)
    assert isinstance(first, NotAcknowledged)
    assert (second, third) == (None, None)
    await consumer.stop()
    await taking_over.stop()
    found = await group_offsets(settings, name, topics, client_id="test-transactions")
    stands = {place.topic: (it.committed, it.end) for place, it in found.items()}
    assert stands == {name: (0, 1), topics[1]: (None, 0)}
