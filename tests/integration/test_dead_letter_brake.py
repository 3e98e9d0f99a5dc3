"""Records that cannot be read fill the bin up to the brake."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents.commands.dead_letters import read_book, settle
from pipeline.dead_letters.letter import dead_letter
from pipeline.errors import DeadLetterBrake
from pipeline.kafka.admin.group_offsets import group_offsets
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.handoff import HandOff
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import AgentSettings, KafkaSettings
from pipeline.slot import Slot
from schemas.headers.dead_letter import DeadLetterSource, Settled
from schemas.identifiers import uuid7
from schemas.record import OutRecord
from schemas.topics import SUBMITTED, dead_letter_topic
from tests.integration.agent_process import agent_process
from tests.integration.patience import until

pytestmark = pytest.mark.kafka

LIMIT_SECONDS = 60


async def sources_of(kafka: KafkaSettings, topic: str, partition: int, first: int) -> list[DeadLetterSource]:
    """Return where the dead letters come from that are of offsets from `first` on."""
    async with aclosing(read_topic(kafka, dead_letter_topic(topic), client_id="test-brake")) as records:
        found = [DeadLetterSource.from_headers(it.headers) async for it in records]
    return [it for it in found if (it.topic, it.partition) == (topic, partition) and it.offset >= first]


async def write(kafka: KafkaSettings, topic: str, count: int) -> int:
    """Write unreadable records to partition 0; return the first one's offset."""
    producer = await RecordProducer(kafka, client_id="test-brake").start()
    ends = await producer.write(OutRecord(topic, None, b"{", partition=0) for _ in range(count))
    await producer.stop()
    return ends[topic, 0] - count


async def test_a_processor_fills_the_bin_no_further_and_holds_up_nobody(
    catalogue: KafkaSettings, kafka: str, tmp_path: Path
) -> None:
    """Of forty unreadable records, with a brake of five, five are letters with their bytes and the others lie where the
    rest of the letters say; what comes behind them is read. A letter without bytes is replayed from there."""
    settings = catalogue
    environment = {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": kafka, "SMSOUT_DEAD_LETTER_BRAKE": "5",
    }  # fmt: skip
    first = await write(settings, SUBMITTED, 40)
    async with agent_process("processor", tmp_path / "log", environment) as agent:

        async def is_through(end: int) -> bool:
            found = await group_offsets(settings, "sms-processor", [SUBMITTED], client_id="test-brake")
            assert agent.process.returncode is None, agent.log.read_text()
            return next(it.position for place, it in found.items() if place.partition == 0) >= end

        await until(lambda: is_through(first + 40))
        letters = await sources_of(settings, SUBMITTED, 0, first)
        whole = [it.offset for it in letters if it.value_size is None]
        assert whole == list(range(first, first + 5))
        held = [at for it in letters[5:] for at in range(it.first_offset or 0, it.offset + 1)]
        assert held == list(range(first + 5, first + 40))
        assert '"event": "dead_letter_brake"' in agent.log.read_text()
        book = await read_book(settings, dead_letter_topic(SUBMITTED))
        letter = next(it for it in book.select(settled_too=False, reason=None, since=None) if it.source == letters[-1])
        await settle(settings, letter.topic, [letter.offset], Settled.REPLAYED)
        again = letters[-1].offset + 1 - (letters[-1].first_offset or 0)
        await until(lambda: is_through(first + 40 + again))
        assert await agent.stop() == 0


async def test_a_tracked_consumer_fills_the_bin_no_further_in_a_second_life(kafka: str) -> None:
    """Three are committed before a crash; two more complete the row in each later life, and are not written."""
    settings, name = KafkaSettings(bootstrap_servers=kafka), f"test.brake-{uuid7()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1), NewTopic(dead_letter_topic(name), 1, 1)])
    await admin.close()
    await write(settings, name, 12)
    for count in (3, 2, 2):
        consumer = TrackedConsumer(
            settings,
            AgentSettings(dead_letter_brake=5),
            slot=Slot.take(None, name),
            group=name,
            topics=[name],
            run_ahead=100,
            hand_off=HandOff(settings, group=name),
        )
        await consumer.start()
        taken = 0
        async with asyncio.timeout(LIMIT_SECONDS):
            async for batch in consumer.batches(asyncio.Event()):
                for work in batch[: count - taken]:
                    assert work.begin()
                    taken += 1
                    letter = dead_letter(work.record, stage="test", reason="schema-violation", detail="")
                    work.finish([letter])
                    if work.assignment.braked:
                        break
                if taken == count or work.assignment.braked:
                    break
        if count == 3:
            await consumer.commit()
        else:
            with pytest.raises(DeadLetterBrake, match=rf"5 records of {name}-0"):
                await consumer.commit()
        await consumer.stop()
    assert [it.offset for it in await sources_of(settings, name, 0, 0)] == [0, 1, 2]
