"""The receipts agent as a process of its own, against a real Apache Kafka: killed, joined by another, out of time."""

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings
from schemas.directory.carrier import Carrier, Profile
from schemas.directory.entry import key_of
from schemas.headers.dead_letter import DeadLetterSource
from schemas.identifiers import uuid7
from schemas.messages.dlr import ExpectedReceipt, MessageState, UnmatchedReceipt, carrier_key
from schemas.messages.status import MessageStatus, StatusStage
from schemas.record import OutRecord
from schemas.topics import DIRECTORY, DLR_EXPECTED, DLR_RECEIVED, DLR_UNMATCHED, STATUS, dead_letter_topic
from tests.builders import awaited_status, carrier, segment_receipt, status, uuid
from tests.fakes.web_server import serving_on_a_port
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


POLLED = """\
version: 1
name: Polled
about: It reports nothing by itself.
secrets:
  token: {about: Its token., optional: true}
request:
  urls: "{url}/messages"
  body: {json: {to: "{destination}", text: "{text}"}}
answers: [{status: 202, outcome: accepted, message_id: {json: /id}}]
receipts:
  poll: {every_seconds: 1, urls: "{url}/messages/{carrier_message_id}"}
  state: {json: /status}
  states: {on_its_way: ENROUTE, arrived: DELIVRD, gone: UNDELIV}
  error: {json: /code}
"""


class PolledCarrier:
    """Answers what became of a message: at first nothing that is final."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.times_until_it_is_known = 2

    async def answer(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.asked[name] += 1
        if self.asked[name] == 1:
            return web.Response(status=404)
        if self.asked[name] <= self.times_until_it_is_known:
            return web.json_response({"status": "on_its_way"})
        return web.json_response({"status": "gone", "code": "33"} if name.endswith("0") else {"status": "arrived"})


async def test_a_carrier_that_does_not_report_is_asked_until_it_is_known(
    catalogue: KafkaSettings, kafka: str, tmp_path: Path
) -> None:
    """By another process too, when the first one dies; a carrier that hangs holds up nobody but itself."""
    there = PolledCarrier()
    application = web.Application()
    application.router.add_get("/messages/{name}", there.answer)
    ids = [uuid7() for _ in range(10)]
    async with serving_on_a_port(web.AppRunner(application)) as port, serving_on_a_port(hanging()) as hanging_port:
        profile = Profile(id="polled", text=POLLED)
        polled = carrier(60, name="polled", profile="polled", url=f"http://127.0.0.1:{port}")
        hangs = carrier(61, name="hangs", profile="polled", url=f"http://127.0.0.1:{hanging_port}")
        producer = await RecordProducer(catalogue, client_id="test-receipts").start()
        await producer.write([OutRecord(DIRECTORY, key_of(it), it.to_bytes()) for it in (profile, polled, hangs)])
        now = datetime.now(UTC)

        def expected(of: Carrier, name: str, message_id: str) -> OutRecord:
            known = ExpectedReceipt(
                carrier_id=of.id, carrier_message_id=name, message_id=message_id, seqnum=1, accepted_at=now
            )
            return OutRecord(DLR_EXPECTED, carrier_key(of.id, name), known.to_bytes())

        async def are_asked() -> bool:
            return len(there.asked) == len(ids)

        async def have_ended() -> bool:
            return len(await ends_of(catalogue, set(ids))) == len(ids)

        try:
            async with agent_process("receipts", tmp_path / "first", environment(kafka)) as agent:
                await agent.until_ready()
                await producer.write([expected(hangs, f"h-{n}", uuid7()) for n in range(20)])
                await producer.write([expected(polled, f"c-{n}", it) for n, it in enumerate(ids)])
                await producer.write(map(awaited, ids))
                await until(are_asked)
                agent.process.kill()
                await agent.ended()
            async with agent_process("receipts", tmp_path / "second", environment(kafka)) as agent:
                await agent.until_ready()
                await until(have_ended)
                assert await agent.metric('smsout_receipt_polls_total{outcome="reported"}') >= len(ids)
                asked = there.asked.copy()
                await asyncio.sleep(3)
                assert there.asked == asked, "asked again"
                assert await agent.stop() == 0
        finally:
            await producer.stop()
    assert await ends_of(catalogue, set(ids)) == {
        (it, "FAILED" if n == 0 else "DELIVERED"): 1 for n, it in enumerate(ids)
    }


def hanging() -> web.AppRunner:
    """Take questions, and never answer."""

    async def wait(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    application = web.Application()
    application.router.add_get("/messages/{name}", wait)
    return web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)


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
