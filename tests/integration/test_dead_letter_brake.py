"""Records that cannot be read fill the bin up to the brake, however often the agent is started again."""

import asyncio
import os
import sys
from contextlib import aclosing
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from pipeline.dead_letters.letter import dead_letter
from pipeline.errors import DeadLetterBrake
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import AgentSettings, KafkaSettings
from schemas.dead_letter import DeadLetterSource
from schemas.identifiers import uuid7
from schemas.record import OutRecord
from schemas.topics import SUBMITTED, dead_letter_topic

pytestmark = pytest.mark.kafka

LIMIT_SECONDS = 60


async def letters_of(kafka: KafkaSettings, topic: str, partition: int, first: int) -> list[int]:
    """Return the offsets from `first` on that are dead letters, as often as they are."""
    found = []
    async with aclosing(read_topic(kafka, dead_letter_topic(topic), client_id="test-brake")) as records:
        async for record in records:
            source = DeadLetterSource.from_headers(record.headers)
            if (source.topic, source.partition) == (topic, partition) and source.offset >= first:
                found.append(source.offset)
    return found


async def write(kafka: KafkaSettings, topic: str, count: int) -> int:
    """Write unreadable records to partition 0; return the first one's offset."""
    producer = await RecordProducer(kafka, client_id="test-brake").start()
    ends = await producer.write(OutRecord(topic, None, b"{", partition=0) for _ in range(count))
    await producer.stop()
    return ends[topic, 0] - count


async def run_processor(kafka: str, brake: int, log: Path) -> tuple[int | None, str]:
    """Run a processor until it ends; return its exit code and its log."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SMSOUT_")} | {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "SMSOUT_DEAD_LETTER_BRAKE": str(brake),
        "SMSOUT_SLOT": "8",
    }
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agents.processor", env=environment, stdout=output, stderr=output
        )
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            await process.wait()
    except TimeoutError:
        raise AssertionError(f"the processor goes on:\n{log.read_text()}") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, log.read_text()


async def test_a_processor_fills_the_bin_no_further_in_a_second_life(
    catalogue: KafkaSettings, kafka: str, tmp_path: Path
) -> None:
    """Twenty unreadable records, a brake of five: fewer than five dead letters, after two lives too."""
    settings = catalogue
    first = await write(settings, SUBMITTED, 3)
    first = await write(settings, SUBMITTED, 20)
    for life in ("first", "second"):
        code, output = await run_processor(kafka, 5, tmp_path / life)
        assert code == 70, output
        assert '"code": "dead-letter-brake"' in output
        assert "SMSOUT_DEAD_LETTER_BRAKE" in output
    assert len(set(await letters_of(settings, SUBMITTED, 0, first))) < 5


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
            settings, AgentSettings(dead_letter_brake=5), group=name, topics=[name], run_ahead=100, hands_on=True
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
    assert await letters_of(settings, name, 0, 0) == [0, 1, 2]
