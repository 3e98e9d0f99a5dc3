"""The scheduler as a process of its own, against a real Apache Kafka: much that waits, kills, cancellations.

`SCHEDULED_MESSAGES` says how many wait beside those that are due: `make scheduled` is a million.
"""

import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings
from schemas.directory.entry import DirectoryEntry, key_of
from schemas.headers.trace import TraceContext, trace_of
from schemas.identifiers import uuid7
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.destination import Destination
from schemas.messages.mt_message import MtMessage
from schemas.messages.status import MessageStatus
from schemas.record import OutRecord
from schemas.topics import CANCEL_REQUESTED, DIRECTORY, SCHEDULED, SEGMENTED, STATUS
from tests.builders import DESTINATION, account, carrier, did, route, submission, trunk, uuid
from tests.integration.agent_process import AgentProcess, agent_process
from tests.integration.patience import LIMIT_SECONDS

pytestmark = pytest.mark.kafka

MANY: Final = int(os.environ.get("SCHEDULED_MESSAGES", "20000"))
TRUNKS: Final = 20
DUE: Final = 400
PUNCTUAL_SECONDS: Final = 2.0
RSS_MB: Final = 250.0
START_SECONDS: Final = 15.0
SESSION_SECONDS: Final = 6
TRACE: Final = TraceContext("a" * 32, "b" * 16, sampled=True)


@pytest.fixture(scope="module")
def settings(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "SMSOUT_KAFKA_SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
        "SMSOUT_STATE_DIR": str(tmp_path_factory.mktemp("state")),
    }


@asynccontextmanager
async def producing(kafka: KafkaSettings) -> AsyncIterator[RecordProducer]:
    """Write the directory, and what a test wants."""
    producer = await RecordProducer(kafka, client_id="test-scheduler").start()
    try:
        trunks = [trunk(number) for number in range(11, 11 + TRUNKS)]
        entries: list[DirectoryEntry] = [account(), did(), carrier(), route(), *trunks]
        await producer.write([OutRecord(DIRECTORY, key_of(it), it.to_bytes()) for it in entries])
        yield producer
    finally:
        await producer.stop()


def scheduled(message_id: str, due_at: datetime, trunk_number: int = 11, bulk_id: str | None = None) -> OutRecord:
    part = submission(
        Destination(address=DESTINATION, id=message_id), id=bulk_id, trunk_id=uuid(trunk_number), send_at=due_at,
        accepted_at=datetime.now(UTC), content="See you at the doors.",
    )  # fmt: skip
    return OutRecord(SCHEDULED, part.trunk_id.encode(), part.to_bytes(), TRACE.headers())


def wish(identity: str, trunk_number: int = 11, *, bulk: bool = False) -> OutRecord:
    asked = CancelRequest(trunk_id=uuid(trunk_number), id=identity, bulk=bulk or None, requested_at=datetime.now(UTC))
    return OutRecord(CANCEL_REQUESTED, asked.trunk_id.encode(), asked.to_bytes())


async def released(kafka: KafkaSettings) -> dict[str, list[float]]:
    """Return when each message went to delivery (Unix time), every time that it did."""
    found: dict[str, list[float]] = {}
    async with aclosing(read_topic(kafka, SEGMENTED, client_id="test-scheduler")) as records:
        async for record in records:
            assert trace_of(record.headers) == TRACE
            found.setdefault(MtMessage.from_bytes(record.value or b"").id, []).append(record.timestamp_ms / 1000)
    return found


async def ended(kafka: KafkaSettings) -> Counter[tuple[str, str]]:
    """Count the statuses of messages."""
    found: Counter[tuple[str, str]] = Counter()
    async with aclosing(read_topic(kafka, STATUS, client_id="test-scheduler")) as records:
        async for record in records:
            status = MessageStatus.from_bytes(record.value or b"")
            found[status.message_id, status.status] += 1
    return found


async def waits(agent: AgentProcess, count: int) -> None:
    """Wait until so many messages wait."""
    async with asyncio.timeout(LIMIT_SECONDS + count / 2000):
        while await agent.metric("smsout_scheduled_messages") < count:
            await asyncio.sleep(0.2)


async def write_many(producer: RecordProducer, count: int) -> None:
    """Schedule messages of many trunks for times between tomorrow and a month from now."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for begin in range(0, count, 5000):
        numbers = range(begin, min(begin + 5000, count))
        await producer.write(
            [scheduled(uuid7(), tomorrow + timedelta(seconds=n * 7919 % 2_592_000), 11 + n % TRUNKS) for n in numbers]
        )


async def test_what_is_due_leaves_in_time_and_once_though_much_waits_and_it_is_killed(
    catalogue: KafkaSettings, settings: dict[str, str], tmp_path: Path
) -> None:
    """Memory and start stay small; who is killed goes on; what is cancelled is told so, and never sent."""
    chance = random.Random(7)
    async with producing(catalogue) as producer:
        await write_many(producer, MANY)
        async with agent_process("scheduler", tmp_path / "first", settings) as agent:
            await agent.until_ready()
            await waits(agent, MANY)
            first_due = time.time() + 8
            due = {uuid7(): first_due + n * 20 / DUE for n in range(DUE)}
            canceled = set(chance.sample(sorted(due), DUE // 10))
            bulk_id, bulk = uuid7(), [uuid7() for _ in range(50)]
            await producer.write(
                [
                    *(scheduled(it, moment(at), 11 + n % TRUNKS) for n, (it, at) in enumerate(due.items())),
                    *(scheduled(it, moment(first_due + 5), bulk_id=bulk_id) for it in bulk),
                ]
            )
            await waits(agent, MANY + DUE + len(bulk))
            trunk_of = {it: 11 + n % TRUNKS for n, it in enumerate(due)}
            strangers = [wish(it, 11 + (trunk_of[it] - 10) % TRUNKS) for it in due if it not in canceled]
            await producer.write([*(wish(it, trunk_of[it]) for it in canceled), *strangers, wish(bulk_id, bulk=True)])
            assert agent.peak_memory_mb() < RSS_MB
            await asyncio.sleep(max(0.0, first_due + 4 - time.time()))
            died_at = time.time()
            agent.process.kill()
            await agent.ended()
        began = time.monotonic()
        async with agent_process("scheduler", tmp_path / "second", settings) as agent:
            await agent.until_ready()
            start_seconds, back_at = time.monotonic() - began, time.time()
            assert start_seconds < START_SECONDS
            await asyncio.sleep(max(0.0, first_due + 22 - time.time()))
            assert await agent.metric("smsout_scheduled_behind_seconds") == 0
            assert await agent.metric("smsout_scheduled_messages") == MANY
            assert agent.peak_memory_mb() < RSS_MB
            assert await agent.stop() == 0
        sent, told = await released(catalogue), await ended(catalogue)
    assert {it for it in due if it not in sent} == canceled
    assert not set(bulk) & set(sent)
    assert {it: count for it, count in told.items() if it[1] == "Canceled"} == {
        (it, "Canceled"): 1 for it in [*canceled, *bulk]
    }
    assert {len(times) for it, times in sent.items() if it in due} == {1}
    assert min(times[0] - due[it] for it, times in sent.items() if it in due) >= 0
    # What was due while nobody was there leaves when somebody is.
    wanted = {it: back_at if died_at - 1 < at < back_at else at for it, at in due.items()}
    late_seconds = max(sent[it][0] - wanted[it] for it in due if it in sent)
    assert late_seconds < PUNCTUAL_SECONDS
    print(f"{MANY} wait: start {start_seconds:.1f} s, {late_seconds:.2f} s late at most")


async def test_a_start_without_a_file_reads_the_topic(
    catalogue: KafkaSettings, settings: dict[str, str], tmp_path: Path
) -> None:
    """As on another machine: everything that waits is known before it begins, within the same time and memory."""
    elsewhere = settings | {"SMSOUT_STATE_DIR": str(tmp_path / "state")}
    began = time.monotonic()
    async with agent_process("scheduler", tmp_path / "log", elsewhere) as agent:
        await agent.until_ready()
        seconds, at_work = time.monotonic() - began, agent.processor_seconds()
        read = [it for it in map(json.loads, agent.log.read_text().splitlines()) if it["event"] == "schedule_read"]
        assert {it["waiting"] for it in read} == {MANY}
        assert agent.peak_memory_mb() < RSS_MB
        print(f"{MANY} read anew in {seconds:.1f} s ({at_work:.1f} s at work), {agent.peak_memory_mb():.0f} MB")
        assert seconds < START_SECONDS
        assert await agent.stop() == 0


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
