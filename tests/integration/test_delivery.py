"""The delivery agent as a process of its own, against a real Apache Kafka: carriers that are neighbours."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pytest
from aiohttp import web

from agents.posting_agent import REPORT_SECONDS
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.directory.entry import key_of
from schemas.identifiers import uuid7
from schemas.messages.mt_message import MtMessage
from schemas.record import OutRecord
from schemas.topics import DIRECTORY, SEGMENTED
from tests.builders import carrier, message
from tests.fakes.web_server import serving_on_a_port
from tests.integration.agent_process import AgentProcess, agent_process
from tests.integration.patience import until

pytestmark = pytest.mark.kafka

PENDING = 100_000
PROBES_PER_SECOND = 10
ROUND_SECONDS = 5.0
MOST_ROUNDS = 5


@dataclass
class Carriers:
    """`/quick` answers at once, `/dead` never does."""

    port: int = 0
    received: dict[str, float] = field(default_factory=dict)
    hanging: int = 0
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def quick(self, request: web.Request) -> web.Response:
        message_id = json.loads(await request.read())["message_id"]
        self.received[message_id] = asyncio.get_running_loop().time()
        return web.json_response({"id": "1"}, status=202)

    async def dead(self, request: web.Request) -> web.Response:
        await request.read()
        self.hanging += 1
        await self.let_go.wait()
        return web.Response(status=500)


@asynccontextmanager
async def carriers() -> AsyncIterator[Carriers]:
    both = Carriers()
    app = web.Application()
    app.add_routes([web.post("/quick", both.quick), web.post("/dead", both.dead)])
    async with serving_on_a_port(web.AppRunner(app, access_log=None)) as both.port:
        try:
            yield both
        finally:
            both.let_go.set()


@asynccontextmanager
async def producing(kafka: KafkaSettings) -> AsyncIterator[RecordProducer]:
    producer = await RecordProducer(kafka, client_id="test").start()
    try:
        yield producer
    finally:
        await producer.stop()


async def count(agent: AgentProcess, outcome: str) -> float:
    """Return how many messages have left delivery in a way."""
    return await agent.metric(f'smsout_messages_total{{outcome="{outcome}",stage="delivery"}}')


def new_message(carrier: Carrier, number: int) -> MtMessage:
    return message(id=uuid7(), destination=f"1555{number:07d}", carrier_id=carrier.id, accepted_at=datetime.now(UTC))


async def write(producer: RecordProducer, *messages: MtMessage) -> None:
    await producer.write([OutRecord(SEGMENTED, it.destination.encode(), it.to_bytes()) for it in messages])


@dataclass
class Probes:
    """Messages through one carrier, and how long each took to reach it."""

    producer: RecordProducer
    carrier: Carrier
    both: Carriers
    sent: int = 0

    async def run(self, seconds: float) -> list[float]:
        """Send regularly for `seconds`; return the latencies of all that were sent."""
        loop = asyncio.get_running_loop()
        began: dict[str, float] = {}
        first_at = loop.time()
        for number in range(int(seconds * PROBES_PER_SECOND)):
            await asyncio.sleep(max(0.0, first_at + number / PROBES_PER_SECOND - loop.time()))
            probe = new_message(self.carrier, number)
            began[probe.id] = loop.time()
            await write(self.producer, probe)
        self.sent += len(began)

        async def all_arrived() -> bool:
            return began.keys() <= self.both.received.keys()

        await until(all_arrived)
        return [self.both.received[it] - at for it, at in began.items()]


@pytest.mark.alone
async def test_a_dead_carrier_delays_no_other(catalogue: KafkaSettings, kafka: str, tmp_path: Path) -> None:
    """100,000 messages wait for a carrier that never answers; those of another arrive as if they did not.

    The machine may be busy with other tests for a while: one of several rounds has to be as good as the one before the
    trouble. Without protection none is: messages of the other carrier wait behind the time-outs.
    """
    async with producing(catalogue) as producer, carriers() as both:
        quick = carrier(id=uuid7(), name="quick", url=both.url("/quick"))
        dead = carrier(
            id=uuid7(), name="dead", url=both.url("/dead"), timeout_seconds=1.0,
            in_doubt_policy=InDoubtPolicy.RESEND_WITH_KEY,
        )  # fmt: skip
        await producer.write([OutRecord(DIRECTORY, key_of(it), it.to_bytes()) for it in (quick, dead)])
        settings = {"SMSOUT_KAFKA_BOOTSTRAP_SERVERS": kafka}
        async with agent_process("delivery", tmp_path / "log", settings) as agent:
            await agent.until_ready()
            probes = Probes(producer, quick, both)
            await probes.run(1.0)
            await asyncio.sleep(2 * REPORT_SECONDS)  # until they have been counted
            settled_before = await count(agent, "settled") - probes.sent  # what other tests have left in the topic
            without = median(await probes.run(ROUND_SECONDS))

            for begin in range(0, PENDING, 5000):
                await write(producer, *(new_message(dead, number) for number in range(begin, begin + 5000)))

            await probes.run(1.0)  # these are behind all of them

            rounds: list[float] = []
            while len(rounds) < MOST_ROUNDS and not any(it <= 1.5 * without for it in rounds):
                rounds.append(median(await probes.run(ROUND_SECONDS)))

            async def all_settled() -> bool:
                return await count(agent, "settled") - settled_before >= probes.sent

            await until(all_settled)
            assert await count(agent, "settled") - settled_before == probes.sent  # the 100,000 still wait
            assert both.hanging < PENDING / 100
            assert min(rounds) <= 1.5 * without
            assert agent.peak_memory_mb() < 190
            breaker = await agent.metric(f'smsout_carrier_breaker_state{{carrier="{dead.id}"}}')
            assert breaker > 0
