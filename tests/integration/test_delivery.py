"""The delivery agent as a process of its own, against a real Apache Kafka: carriers that are neighbours."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import aiohttp
import pytest
from aiohttp import web

from agents.delivery.__main__ import REPORT_SECONDS
from agents.local.ports import free_port
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.directory.entry import key_of
from schemas.identifiers import uuid7
from schemas.mt_message import DataCoding, MtMessage, Segment
from schemas.record import OutRecord
from schemas.topics import DIRECTORY, SEGMENTED

pytestmark = pytest.mark.kafka

LIMIT_SECONDS = 120.0  # a machine that runs other tests too
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
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    both.port = runner.addresses[0][1]
    try:
        yield both
    finally:
        both.let_go.set()
        await runner.cleanup()


@dataclass
class Process:
    """A delivery agent."""

    running: asyncio.subprocess.Process
    metrics_port: int
    log: Path

    async def get(self, path: str) -> tuple[int, str]:
        assert self.running.returncode is None, self.log.read_text()
        try:
            async with (
                aiohttp.ClientSession() as client,
                client.get(f"http://127.0.0.1:{self.metrics_port}{path}") as answer,
            ):
                return answer.status, await answer.text()
        except aiohttp.ClientError:
            return 0, ""

    async def metric(self, line: str) -> float:
        """Return the value of a metric, named with its labels."""
        _, text = await self.get("/metrics")
        values = [it.removeprefix(line) for it in text.splitlines() if it.startswith(line + " ")]
        return float(values[0]) if values else 0.0

    async def count(self, outcome: str) -> float:
        """Return how many messages have left delivery in a way."""
        return await self.metric(f'smsout_messages_total{{outcome="{outcome}",stage="delivery"}}')

    def peak_resident_bytes(self) -> int:
        status = Path(f"/proc/{self.running.pid}/status").read_text()
        (line,) = [it for it in status.splitlines() if it.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024


@asynccontextmanager
async def producing(kafka: KafkaSettings) -> AsyncIterator[RecordProducer]:
    producer = await RecordProducer(kafka, client_id="test").start()
    try:
        yield producer
    finally:
        await producer.stop()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while not await holds():
            await asyncio.sleep(0.1)


@asynccontextmanager
async def delivery_agent(bootstrap_servers: str, log: Path) -> AsyncIterator[Process]:
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SMSOUT_")} | {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
        "SMSOUT_METRICS_PORT": str(port),
    }
    with log.open("wb") as output:
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agents.delivery", env=environment, stdout=output, stderr=output
        )
    process = Process(running, port, log)
    try:

        async def ready() -> bool:
            return (await process.get("/readyz"))[0] == 200

        await until(ready)
        yield process
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


def new_message(carrier: Carrier, number: int) -> MtMessage:
    now = datetime.now(UTC)
    return MtMessage(
        id=uuid7(),
        trunk_id=carrier.id,
        account_id=carrier.id,
        source="12125551234",
        destination=f"1555{number:07d}",
        data_coding=DataCoding.GSM7,
        segments=(Segment(seqnum=1, text="Your code is 123456"),),
        carrier_id=carrier.id,
        accepted_at=now,
        expires_at=now + timedelta(days=1),
    )


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
            message = new_message(self.carrier, number)
            began[message.id] = loop.time()
            await write(self.producer, message)
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
        quick = Carrier(id=uuid7(), name="quick", url=both.url("/quick"))
        dead = Carrier(
            id=uuid7(), name="dead", url=both.url("/dead"), timeout_seconds=1.0,
            in_doubt_policy=InDoubtPolicy.RESEND_WITH_KEY,
        )  # fmt: skip
        await producer.write([OutRecord(DIRECTORY, key_of(it), it.to_bytes()) for it in (quick, dead)])
        async with delivery_agent(kafka, tmp_path / "log") as agent:
            probes = Probes(producer, quick, both)
            await probes.run(1.0)
            await asyncio.sleep(2 * REPORT_SECONDS)  # until they have been counted
            settled_before = await agent.count("settled") - probes.sent  # what other tests have left in the topic
            without = median(await probes.run(ROUND_SECONDS))

            for begin in range(0, PENDING, 5000):
                await write(producer, *(new_message(dead, number) for number in range(begin, begin + 5000)))

            await probes.run(1.0)  # these are behind all of them

            rounds: list[float] = []
            while len(rounds) < MOST_ROUNDS and not any(it <= 1.5 * without for it in rounds):
                rounds.append(median(await probes.run(ROUND_SECONDS)))

            async def all_settled() -> bool:
                return await agent.count("settled") - settled_before >= probes.sent

            await until(all_settled)
            assert await agent.count("settled") - settled_before == probes.sent  # the 100,000 still wait
            assert both.hanging < PENDING / 100
            assert min(rounds) <= 1.5 * without
            assert agent.peak_resident_bytes() < 200_000_000
            breaker = await agent.metric(f'smsout_carrier_breaker_state{{carrier="{dead.id}"}}')
            assert breaker > 0
