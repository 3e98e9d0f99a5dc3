"""The receipts agent as a process of its own, against a real Apache Kafka: killed, joined by another, out of time."""

import random
from collections import Counter
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings
from schemas.dlr import ExpectedReceipt, MessageState, UnmatchedReceipt, carrier_key
from schemas.headers.dead_letter import DeadLetterSource
from schemas.identifiers import uuid7
from schemas.record import OutRecord
from schemas.status import MessageStatus, StatusStage
from schemas.topics import DLR_EXPECTED, DLR_RECEIVED, DLR_UNMATCHED, STATUS, dead_letter_topic
from tests.builders import awaited_status, segment_receipt, status, uuid
from tests.integration.agent_process import agent_process
from tests.integration.patience import until

pytestmark = pytest.mark.kafka

MESSAGES = 1000
SEGMENTS = 3
SESSION_SECONDS = 6
TOPICS = (DLR_RECEIVED, DLR_EXPECTED, DLR_UNMATCHED)


def environment(kafka: str, **settings: str) -> dict[str, str]:
    return {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "SMSOUT_KAFKA_SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
        **{f"SMSOUT_{name}": value for name, value in settings.items()},
    }


def awaited(message_id: str, **changes: object) -> OutRecord:
    now = datetime.now(UTC)
    success = awaited_status(message_id=message_id, accepted_at=now, ended_at=now, **changes)
    return OutRecord(STATUS, message_id.encode(), success.to_bytes())


def receipt(message_id: str, seqnum: int = 1, state: MessageState = MessageState.DELIVERED) -> OutRecord:
    told = segment_receipt(state, seqnum, message_id=message_id, received_at=datetime.now(UTC))
    return OutRecord(DLR_RECEIVED, message_id.encode(), told.to_bytes())


async def ends_of(kafka: KafkaSettings, ids: set[str]) -> Counter[tuple[str, str]]:
    """Count the final statuses of messages."""
    found: Counter[tuple[str, str]] = Counter()
    async with aclosing(read_topic(kafka, STATUS, client_id="test-receipts")) as records:
        async for record in records:
            if (record.key or b"").decode(errors="replace") in ids:
                told = MessageStatus.from_bytes(record.value or b"")
                if told.stage is StatusStage.DELIVERY:
                    found[told.message_id, told.status] += 1
    return found


async def test_a_thousand_messages_end_once_while_processes_die_and_join(
    catalogue: KafkaSettings, kafka: str, tmp_path: Path
) -> None:
    """Receipts in any order, every one of them twice; kill -9 in the middle, again and again; a second process."""
    chance = random.Random(11)
    ids = [uuid7() for _ in range(MESSAGES)]
    records = [awaited(it, segments_total=SEGMENTS, segments_sent=SEGMENTS) for it in ids]
    records += [receipt(it, n) for it in ids for n in range(1, SEGMENTS + 1)] * 2
    chance.shuffle(records)
    others = [OutRecord(STATUS, uuid7().encode(), status(message_id=uuid7()).to_bytes()) for _ in range(MESSAGES)]

    async def have_begun() -> bool:
        return bool(await ends_of(catalogue, set(ids)))

    async with AsyncExitStack() as running:
        producer = await RecordProducer(catalogue, client_id="test-receipts").start()
        running.push_async_callback(producer.stop)
        for life in range(3):
            async with agent_process("receipts", tmp_path / f"life-{life}", environment(kafka)) as agent:
                await agent.until_ready()
                part = records[life::3]
                await producer.write(part[: len(part) // 2] + others)

                if life:
                    await until(have_begun)
                await producer.write(part[len(part) // 2 :])  # and it dies over these
        agents = [
            await running.enter_async_context(
                agent_process("receipts", tmp_path / f"slot-{slot}", environment(kafka, SLOT=str(slot)))
            )
            for slot in range(2)
        ]
        for agent in agents:
            await agent.until_ready()

        async def all_have_ended() -> bool:
            return len(await ends_of(catalogue, set(ids))) == MESSAGES

        await until(all_have_ended)
        late = [receipt(it, 1, MessageState.UNDELIVERABLE) for it in ids]
        await producer.write([*late, *(awaited(it, segments_total=1) for it in ids)])
        marker = uuid7()
        await producer.write([awaited(marker), receipt(marker)])

        async def is_through() -> bool:
            return bool(await ends_of(catalogue, {marker}))

        await until(is_through)
        for agent in agents:
            assert await agent.stop() == 0
    assert await ends_of(catalogue, set(ids)) == {(it, "DELIVERED"): 1 for it in ids}


async def test_what_a_carrier_calls_by_its_own_id_is_matched_in_either_order(
    catalogue: KafkaSettings, kafka: str, tmp_path: Path
) -> None:
    """Also when the process that took in the first half has died."""
    now = datetime.now(UTC)
    ids = [uuid7() for _ in range(20)]
    expected, unmatched = [], []
    for number, message_id in enumerate(ids):
        name = f"c-{message_id}"
        known = ExpectedReceipt(
            carrier_id=uuid(21), carrier_message_id=name, message_id=message_id, seqnum=1, accepted_at=now
        )
        told = UnmatchedReceipt(
            carrier_id=uuid(21), carrier_message_id=name, state=MessageState.EXPIRED, received_at=now
        )
        pair = (
            OutRecord(DLR_EXPECTED, carrier_key(uuid(21), name), known.to_bytes()),
            OutRecord(DLR_UNMATCHED, carrier_key(uuid(21), name), told.to_bytes()),
        )
        expected.append(pair[number % 2])
        unmatched.append(pair[1 - number % 2])
    producer = await RecordProducer(catalogue, client_id="test-receipts").start()
    try:
        async with agent_process("receipts", tmp_path / "first", environment(kafka)) as agent:
            await agent.until_ready()
            marker = uuid7()
            await producer.write([*expected, *map(awaited, ids)])
            await producer.write([awaited(marker), receipt(marker)])

            async def is_through() -> bool:
                return bool(await ends_of(catalogue, {marker}))

            await until(is_through)
        async with agent_process("receipts", tmp_path / "second", environment(kafka)) as agent:
            await agent.until_ready()
            await producer.write(unmatched)

            async def all_have_ended() -> bool:
                return len(await ends_of(catalogue, set(ids))) == len(ids)

            await until(all_have_ended)
    finally:
        await producer.stop()
    assert await ends_of(catalogue, set(ids)) == {(it, "EXPIRED"): 1 for it in ids}


async def test_when_the_time_is_over_what_is_missing_is_unknown(
    catalogue: KafkaSettings, kafka: str, tmp_path: Path
) -> None:
    """Once, also when the process starts only then; and records that nobody can read are set aside meanwhile."""
    silent, half, poisoned = uuid7(), uuid7(), uuid7()
    junk = f'{{"nonsense": "{poisoned}"}}'.encode()
    producer = await RecordProducer(catalogue, client_id="test-receipts").start()
    await producer.write(
        [
            *(OutRecord(topic, b"x", junk, partition=n) for topic in TOPICS for n in (0, 1)),
            awaited(silent), awaited(half, segments_total=2), receipt(half, 2, MessageState.REJECTED),
        ]
    )  # fmt: skip
    await producer.stop()
    async with agent_process("receipts", tmp_path / "log", environment(kafka, RECEIPTS_TIMEOUT_SECONDS="2")) as agent:

        async def both_have_ended() -> bool:
            return len(await ends_of(catalogue, {silent, half})) == 2

        await until(both_have_ended)
        assert await agent.stop() == 0
    assert await ends_of(catalogue, {silent, half}) == {(silent, "UNKNOWN"): 1, (half, "REJECTED"): 1}
    for topic in TOPICS:
        async with aclosing(read_topic(catalogue, dead_letter_topic(topic), client_id="test-receipts")) as letters:
            sources = [DeadLetterSource.from_headers(it.headers) async for it in letters if it.value == junk]
        assert sorted((it.topic, it.partition, it.stage) for it in sources) == [(topic, n, "receipts") for n in (0, 1)]
