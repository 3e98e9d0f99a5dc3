"""The callback agent as a process of its own, against a real Apache Kafka and a real receiver."""

import asyncio
import os
import signal
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiokafka import AIOKafkaConsumer, TopicPartition
from standardwebhooks import Webhook

from agents.local.ports import free_port
from pipeline.kafka.admin import topic_admin
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings
from schemas.callback import WaitingNotification
from schemas.dead_letter import DeadLetterSource
from schemas.directory.entry import key_of
from schemas.directory.trunk import CallbackSecret, PasswordVerifier, Trunk
from schemas.identifiers import uuid7
from schemas.record import OutRecord
from schemas.status import MessageStatus, StatusStage
from schemas.topics import DIRECTORY, STATUS

pytestmark = pytest.mark.kafka

LIMIT_SECONDS = 60.0  # a machine that runs other tests too
RETRY = RetrySettings(callback_delays_seconds=(1, 2, 3))
TIERS_DEAD_LETTERS = "sms.callback.retry.dead-letter"
STATUS_DEAD_LETTERS = "sms.mt.status.dead-letter"


@dataclass
class Received:
    """One POST, as it came; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Receiver:
    """Customers' endpoints: `/ok` takes all, `/fail` none, `/hang` never answers, `/redirect` points to `/ok`."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def of(self, path: str) -> list[Received]:
        return [one for one in self.received if one.path == path]

    async def answer(self, request: web.Request) -> web.Response:
        self.received.append(
            Received(
                request.path,
                {name.lower(): value for name, value in request.headers.items()},
                await request.read(),
                asyncio.get_running_loop().time(),
            )
        )
        if request.path.startswith("/fail"):
            return web.Response(status=503)
        if request.path.startswith("/hang"):
            await self.let_go.wait()
        if request.path.startswith("/redirect"):
            raise web.HTTPTemporaryRedirect(self.url("/ok/redirected"))
        return web.Response()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        receiver.let_go.set()
        await runner.cleanup()


def new_trunk(url: str | None) -> Trunk:
    return Trunk(
        id=uuid7(),
        account_id=uuid7(),
        name="a trunk",
        callback_url=url,
        credentials=(PasswordVerifier(username="username", version=1, hmac="0" * 64, sealed="", key_id=""),),
        callback_secrets=(CallbackSecret(secret="whsec_" + b64encode(os.urandom(32)).decode()),),
        created_at=datetime.now(UTC),
    )


def new_status(trunk: Trunk) -> MessageStatus:
    now = datetime.now(UTC)
    return MessageStatus(
        message_id=uuid7(), trunk_id=trunk.id, account_id=trunk.account_id, stage=StatusStage.PROCESSING,
        status="Success", source="12125551234", destination="15551234567", accepted_at=now, ended_at=now,
        segments_total=1, segments_sent=1,
    )  # fmt: skip


@dataclass
class Site:
    """A broker with topics, and a producer in the place of the stages before."""

    kafka: KafkaSettings
    producer: RecordProducer

    async def add(self, trunk: Trunk) -> Trunk:
        await self.producer.write([OutRecord(DIRECTORY, key_of(trunk), trunk.to_bytes())])
        return trunk

    async def end(self, *statuses: MessageStatus) -> None:
        await self.producer.write([OutRecord(STATUS, one.message_id.encode(), one.to_bytes()) for one in statuses])

    async def dead_letters(self, topic: str, wanted: Callable[[DeadLetterSource, bytes], bool]) -> list[bytes]:
        """The values of those in `topic` now that are wanted."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap_servers, auto_offset_reset="earliest")
        await consumer.start()
        try:
            place = TopicPartition(topic, 0)
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            found: list[bytes] = []
            while await consumer.position(place) < end:
                records = (await consumer.getmany(place, timeout_ms=200)).get(place, ())
                found += [
                    record.value
                    for record in records
                    if wanted(DeadLetterSource.from_headers(tuple(record.headers)), record.value)
                ]
        finally:
            await consumer.stop()
        return found


@pytest_asyncio.fixture
async def site(kafka: str) -> AsyncIterator[Site]:
    settings = KafkaSettings(bootstrap_servers=kafka)
    await topic_admin.apply(settings, TopicSettings(partitions=2), RETRY)
    producer = await RecordProducer(settings, client_id="test").start()
    yield Site(settings, producer)
    await producer.stop()


@dataclass
class Process:
    """A callback agent."""

    running: asyncio.subprocess.Process
    metrics_port: int
    log: Path

    async def until_ready(self) -> None:
        async def ready() -> bool:
            assert self.running.returncode is None, self.log.read_text()
            try:
                async with (
                    aiohttp.ClientSession() as client,
                    client.get(f"http://127.0.0.1:{self.metrics_port}/readyz") as answer,
                ):
                    return answer.status == 200
            except aiohttp.ClientError:
                return False

        await until(ready)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.running.send_signal(how)
        async with asyncio.timeout(LIMIT_SECONDS):
            return await self.running.wait()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while not await holds():
            await asyncio.sleep(0.05)


async def until_received(receiver: Receiver, path: str, count: int) -> list[Received]:
    async def enough() -> bool:
        return len(receiver.of(path)) >= count

    await until(enough)
    return receiver.of(path)


@asynccontextmanager
async def callback_agent(
    site: Site, receiver: Receiver, log: Path, failpoint: str | None = None, **settings: str
) -> AsyncIterator[Process]:
    port = free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SMSOUT_")
    } | {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": site.kafka.bootstrap_servers,
        "SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS": "1,2",
        "SMSOUT_CALLBACK_ALLOWED_ADDRESSES": f"127.0.0.1:{receiver.port}",
        "SMSOUT_KAFKA_SESSION_TIMEOUT_SECONDS": "6",
        "SMSOUT_METRICS_PORT": str(port),
        **settings,
    }  # fmt: skip
    if failpoint is not None:
        environment["SMSOUT_FAILPOINT"] = failpoint
    with log.open("ab") as output:
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agents.callback", env=environment, stdout=output, stderr=output
        )  # fmt: skip
    process = Process(running, port, log)
    try:
        await process.until_ready()
        yield process
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


def webhook_ids(received: list[Received]) -> list[str]:
    return [one.headers["webhook-id"] for one in received]


async def test_notifications_go_out_signed_retried_and_end_visibly(site: Site, tmp_path: Path) -> None:
    """A good endpoint gets each once; a failing and a redirecting one run through the tiers into dead letters."""
    async with receiving() as receiver:
        good, bad, moved = [
            await site.add(new_trunk(receiver.url(path))) for path in ("/ok", "/fail", "/redirect")
        ]  # fmt: skip
        silent = await site.add(new_trunk(None))
        async with callback_agent(site, receiver, tmp_path / "log") as agent:
            statuses = [new_status(good) for _ in range(50)]
            failing, redirected = new_status(bad), new_status(moved)
            await site.end(failing, redirected, new_status(silent), *statuses)
            delivered = await until_received(receiver, "/ok", 50)
            attempts = await until_received(receiver, "/fail", 3)
            await until_received(receiver, "/redirect", 3)

            async def both_ended() -> bool:
                return await ended(failing) == 1 and await ended(redirected) == 1

            async def ended(status: MessageStatus) -> int:
                def wanted(origin: DeadLetterSource, value: bytes) -> bool:
                    return (
                        origin.reason == "callback-exhausted"
                        and WaitingNotification.from_bytes(value).status == status
                        and WaitingNotification.from_bytes(value).attempt == 3
                    )

                return len(await site.dead_letters(TIERS_DEAD_LETTERS, wanted))

            await until(both_ended)
            assert await agent.stop() == 0
    assert sorted(webhook_ids(delivered)) == sorted(status.webhook_id for status in statuses)
    for one in delivered:
        assert Webhook(good.callback_secrets[0].secret).verify(one.body, one.headers)["data"]["attributes"]
        assert one.headers["content-type"] == "application/vnd.api+json"
    assert webhook_ids(attempts) == [failing.webhook_id] * 3
    assert webhook_ids(receiver.of("/redirect")) == [redirected.webhook_id] * 3
    assert receiver.of("/ok/redirected") == []
    for one in attempts:
        Webhook(bad.callback_secrets[0].secret).verify(one.body, one.headers)
    first_wait, second_wait = attempts[1].at - attempts[0].at, attempts[2].at - attempts[1].at
    assert first_wait >= 0.9
    assert second_wait >= 1.9


async def test_an_address_inside_is_not_called(site: Site, tmp_path: Path) -> None:
    """A trunk may point anywhere; only what is allowed sees a connection. The endings are dead letters."""
    async with receiving() as receiver, receiving() as internal:
        trunks = [
            await site.add(new_trunk(f"http://{host}:{internal.port}/ok"))
            for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433")
        ]
        statuses = [new_status(trunk) for trunk in trunks]
        async with callback_agent(
            site,
            receiver,
            tmp_path / "log",
        ) as agent:
            await site.end(*statuses)

            def ours(origin: DeadLetterSource, value: bytes) -> bool:
                return (
                    "address-not-allowed" in origin.detail and WaitingNotification.from_bytes(value).status in statuses
                )

            async def all_ended() -> bool:
                return len(await site.dead_letters(TIERS_DEAD_LETTERS, ours)) == len(statuses)

            await until(all_ended)
            assert await agent.stop() == 0
    assert internal.received == []


async def test_an_endpoint_that_hangs_does_not_keep_another_waiting(site: Site, tmp_path: Path) -> None:
    """A hundred notifications hang; those of another endpoint, behind them, arrive at once."""
    async with receiving() as hanging, receiving() as receiver:
        slow = await site.add(new_trunk(hanging.url("/hang")))
        quick = await site.add(new_trunk(receiver.url("/ok")))
        allowed = f"127.0.0.1:{receiver.port},127.0.0.1:{hanging.port}"
        async with callback_agent(
            site, receiver, tmp_path / "log", SMSOUT_CALLBACK_ALLOWED_ADDRESSES=allowed, SMSOUT_CALLBACK_WORKERS="8"
        ) as agent:
            await site.end(*(new_status(slow) for _ in range(100)))
            await until_received(hanging, "/hang", 6)
            await site.end(*(new_status(quick) for _ in range(20)))
            await until_received(receiver, "/ok", 20)
            assert len(hanging.received) == 6
            hanging.let_go.set()
            await until_received(hanging, "/hang", 100)
            assert await agent.stop() == 0


@pytest.mark.parametrize("place", ["callback.after_post", "handoff.after_commit"])
async def test_a_kill_in_the_middle_loses_nothing(site: Site, tmp_path: Path, place: str) -> None:
    """Killed at the worst moment and started again, the agent goes on; the id tells a repeated POST."""
    async with receiving() as receiver:
        trunk = await site.add(new_trunk(receiver.url("/fail" if place == "handoff.after_commit" else "/ok")))
        status = new_status(trunk)
        async with callback_agent(site, receiver, tmp_path / "log", failpoint=f"{place}:1") as agent:
            await site.end(status)
            async with asyncio.timeout(LIMIT_SECONDS):
                assert await agent.running.wait() == -signal.SIGKILL
        path = "/fail" if place == "handoff.after_commit" else "/ok"
        before = len(receiver.of(path))
        async with callback_agent(site, receiver, tmp_path / "log") as agent:
            await until_received(receiver, path, before + 1)
            assert await agent.stop() == 0
    assert set(webhook_ids(receiver.of(path))) == {status.webhook_id}


async def test_a_changed_schedule_is_in_force_after_a_restart(site: Site, tmp_path: Path) -> None:
    """New tiers are consumed and gone ones no trouble, although the broker remembers the member of this slot."""
    async with receiving() as receiver:
        trunk = await site.add(new_trunk(receiver.url("/fail")))
        async with callback_agent(site, receiver, tmp_path / "log") as agent:
            assert await agent.stop() == 0
        changed = {"SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS": "1,3"}
        async with callback_agent(site, receiver, tmp_path / "log", **changed) as agent:
            await site.end(new_status(trunk))
            attempts = await until_received(receiver, "/fail", 3)
            assert await agent.stop() == 0
    assert attempts[2].at - attempts[1].at >= 2.9


async def test_an_unreadable_record_is_kept_and_stops_nobody(site: Site, tmp_path: Path) -> None:
    """It becomes a dead letter with its bytes; the record behind it is notified."""
    junk = b'{"junk": "' + uuid7().encode() + b'"}'
    async with receiving() as receiver:
        trunk = await site.add(new_trunk(receiver.url("/ok")))
        async with callback_agent(site, receiver, tmp_path / "log") as agent:
            await site.producer.write([OutRecord(STATUS, b"key", junk)])
            await site.end(new_status(trunk))
            await until_received(receiver, "/ok", 1)

            async def kept() -> bool:
                def wanted(origin: DeadLetterSource, value: bytes) -> bool:
                    return value == junk and (origin.stage, origin.reason) == ("callback", "schema-violation")

                return await site.dead_letters(STATUS_DEAD_LETTERS, wanted) == [junk]

            await until(kept)
            assert await agent.stop() == 0


async def test_a_broker_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    """The process ends with the code for an unavailable service and names address and setting."""
    port = free_port()
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agents.callback", stdout=output, stderr=output,
            env=os.environ | {
                "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
                "SMSOUT_KAFKA_CONNECT_TIMEOUT_SECONDS": "1",
            },
        )  # fmt: skip
    async with asyncio.timeout(LIMIT_SECONDS):
        assert await process.wait() == 69
    assert f"127.0.0.1:{port} (SMSOUT_KAFKA_BOOTSTRAP_SERVERS)" in log.read_text()
