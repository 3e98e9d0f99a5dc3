"""Ingress as a process of its own against a real Apache Kafka: what a 201 is worth, and what nothing must change."""

import asyncio
import json
import os
import resource
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.local.ports import free_port
from agents.serving.connections import SPARE_FILES
from pipeline.kafka.admin import topic_admin
from pipeline.kafka.admin.partitions import existing_partitions
from pipeline.kafka.producer import RecordProducer
from pipeline.limits.living import SAY_SECONDS
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings
from schemas.directory.entry import key_of
from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7
from schemas.record import OutRecord
from schemas.topics import DIRECTORY, INGRESS_ANNOUNCED, SUBMITTED
from tests.brokers import RunningBroker, running_broker
from tests.builders import PEPPER, trunk_with_password
from tests.contract.bad_requests import BAD_REQUESTS, BULK, PREVIEWS, TITLES
from tests.integration.agent_process import AgentProcess, agent_process
from tests.integration.patience import LIMIT_SECONDS, until
from tests.unit.agents.ingress.harness import JSON_API, Knocker, asked, basic, bulk, single

pytestmark = pytest.mark.kafka

PARTITIONS = 2
FILES = SPARE_FILES + 100
CHANGE_LIMIT_SECONDS = 2.0  # one that is promised, one for the same reason


@dataclass
class Site:
    """A broker with topics, and one trunk in its directory."""

    broker: RunningBroker
    kafka: KafkaSettings
    trunk: Trunk
    authorization: str

    async def submitted(self) -> list[dict[str, Any]]:
        """Every submission in the topic, in order of its partitions."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap_servers, auto_offset_reset="earliest")
        await consumer.start()
        try:
            places = [TopicPartition(SUBMITTED, partition) for partition in range(PARTITIONS)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            found: list[dict[str, Any]] = []
            for place in places:
                while await consumer.position(place) < ends[place]:
                    for record in (await consumer.getmany(place, timeout_ms=200)).get(place, ()):
                        value = json.loads(record.value)
                        found += value if isinstance(value, list) else [value]
        finally:
            await consumer.stop()
        return found

    async def ends(self) -> dict[TopicPartition, int]:
        """Where every partition of every topic ends, but for the one where processes say that they live."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap_servers)
        await consumer.start()
        try:
            return dict(
                await consumer.end_offsets(
                    await existing_partitions(consumer, await consumer.topics() - {INGRESS_ANNOUNCED})
                )
            )
        finally:
            await consumer.stop()

    async def ids(self) -> list[str]:
        return [it["id"] for submission in await self.submitted() for it in submission["destinations"]]

    async def add(self, trunk: Trunk) -> None:
        producer = await RecordProducer(self.kafka, client_id="test").start()
        try:
            await producer.write([OutRecord(DIRECTORY, key_of(trunk), trunk.to_bytes())])
        finally:
            await producer.stop()


@dataclass
class Ingress(Knocker):
    """A door in a process of its own."""

    agent: AgentProcess


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """A broker for this module alone: it is frozen and killed."""
    with running_broker(tmp_path_factory.mktemp("ingress")) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_site(broker: RunningBroker) -> Site:
    kafka = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
    await topic_admin.apply(kafka, TopicSettings(partitions=PARTITIONS), RetrySettings())
    trunk, password = trunk_with_password(id=uuid7())
    site = Site(broker, kafka, trunk, basic(trunk.credentials[0].username, password))
    await site.add(trunk)
    return site


@pytest.fixture
def site(shared_site: Site) -> Site:
    return shared_site


@asynccontextmanager
async def ingress(site: Site, folder: Path, port: int = 0, **settings: str) -> AsyncIterator[Ingress]:
    """Run a process until the context ends; settings are environment variables without their prefix."""
    port = port or free_port()
    environment = {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": site.kafka.bootstrap_servers,
        "SMSOUT_PEPPER": PEPPER.decode(),
        "SMSOUT_INGRESS_PORT": str(port),
        **{f"SMSOUT_{name}": value for name, value in settings.items()},
    }
    async with agent_process("ingress", folder / f"ingress-{uuid7()}.log", environment) as agent:
        if "FAILPOINT" not in settings:
            await agent.until_ready()
        yield Ingress(port, site.authorization, agent)


async def test_bad_requests_reach_no_topic(site: Site, tmp_path: Path) -> None:
    """The whole table of bad requests against a real process: status, body, and not one record more."""
    before = await site.submitted()
    async with ingress(site, tmp_path) as door:
        answers = [(bad, await door.send(bad.raw(door))) for bad in BAD_REQUESTS]

        assert [(bad.name, bad.status, bad.details) for bad in BAD_REQUESTS] == [
            (bad.name, answer.status, answer.details) for bad, answer in answers
        ]
        assert {(JSON_API, TITLES[bad.status], str(bad.status), str(bad.status)) for bad in BAD_REQUESTS} == {
            (answer.headers["content-type"], error["title"], error["code"], error["status"])
            for _, answer in answers
            for error in answer.json["errors"]
        }
        # The door is open all the same.
        assert (await door.post(single())).status == 201
    assert len(await site.submitted()) == len(before) + 1


async def test_previews_move_no_topic(site: Site, tmp_path: Path) -> None:
    """Not one record more anywhere, also after a message that is really sent."""
    async with ingress(site, tmp_path) as door:
        assert (await door.post(single())).status == 201
        before = await site.ends()
        answers = [await door.post(asked(content="Hi’" * n), PREVIEWS) for n in range(1, 50)]
        assert [it.status for it in answers] == [200] * len(answers)
        assert await site.ends() == before


async def test_accepted_messages_are_in_the_topic(site: Site, tmp_path: Path) -> None:
    """Many clients at once, single and bulk: every id that was answered is there exactly once, and no other."""
    before = set(await site.ids())
    numbers = [str(15550000000 + n) for n in range(500)]
    async with ingress(site, tmp_path) as door:
        answers = await asyncio.gather(
            *(door.post(single(content=f"message {n}")) for n in range(200)),
            *(door.post(bulk(destination=numbers), BULK) for _ in range(3)),
        )
    assert [answer.status for answer in answers] == [201] * 203
    documents = [answer.json["data"] for answer in answers]
    answered = [it["id"] for data in documents for it in (data if isinstance(data, list) else [data])]
    stored = [it for it in await site.ids() if it not in before]
    assert sorted(answered) == sorted(stored)
    assert len(set(answered)) == 1700


async def test_change_of_the_directory_is_in_force_within_a_second(site: Site, tmp_path: Path) -> None:
    """A new trunk may send, a blocked address may not, without a restart."""
    trunk, password = trunk_with_password(id=uuid7())
    authorization = basic(trunk.credentials[0].username, password)

    async def until(status: int) -> None:
        async with asyncio.timeout(CHANGE_LIMIT_SECONDS):
            while (await door.post(single(), authorization=authorization)).status != status:
                await asyncio.sleep(0.02)

    async with ingress(site, tmp_path) as door:
        assert (await door.post(single(), authorization=authorization)).status == 401
        await site.add(trunk)
        await until(201)
        await site.add(trunk.model_copy(update={"allowed_ips": ("192.0.2.1/32",)}))
        await until(401)
        await site.add(trunk.model_copy(update={"allowed_ips": ("127.0.0.0/8",)}))
        await until(201)


async def test_frozen_broker(site: Site, tmp_path: Path) -> None:
    """503 with the id when the time is over, then at once; not ready; and all is well when the broker wakes up."""
    async with ingress(site, tmp_path, INGRESS_ACKNOWLEDGE_TIMEOUT_SECONDS="1") as door:
        assert (await door.post(single())).status == 201
        os.kill(site.broker.pid, signal.SIGSTOP)
        try:
            doubtful = await door.post(single())
            refused = await door.post(single())
            await door.agent.until_ready(False)
        finally:
            os.kill(site.broker.pid, signal.SIGCONT)
        assert (doubtful.status, refused.status) == (503, 503)
        assert (doubtful.headers["retry-after"], refused.headers["retry-after"]) == ("1", "1")
        assert "meta" not in refused.json["errors"][0]
        await door.agent.until_ready()
        assert (await door.post(single())).status == 201
        # It was on its way, so now it is there, once, under the id that was told.
        assert (await site.ids()).count(doubtful.json["errors"][0]["meta"]["message_id"]) == 1


async def test_killed_broker_loses_nothing_that_was_answered(site: Site, tmp_path: Path) -> None:
    """kill -9 of the broker under load: some 503, then 201 again by itself, and every 201 is in the topic."""
    accepted: list[str] = []
    again = asyncio.Event()

    async def keep_posting(door: Ingress) -> None:
        while not again.is_set():
            answer = await door.post(single())
            if answer.status == 201:
                accepted.append(answer.json["data"]["id"])
            else:
                assert answer.status == 503
                await asyncio.sleep(0.05)

    async with ingress(site, tmp_path, INGRESS_ACKNOWLEDGE_TIMEOUT_SECONDS="2") as door:
        posting = [asyncio.create_task(keep_posting(door)) for _ in range(8)]
        while len(accepted) < 50:
            await asyncio.sleep(0.01)
        # From the main thread: a broker lives no longer than the thread that started it.
        site.broker.kill()
        site.broker.start()
        known = len(accepted)
        async with asyncio.timeout(LIMIT_SECONDS):
            while len(accepted) < known + 50:
                assert door.agent.process.returncode is None, door.agent.log.read_text()
                await asyncio.sleep(0.05)
        again.set()
        await asyncio.gather(*posting)
    ids = await site.ids()
    assert set(accepted) <= set(ids)
    assert len(ids) == len(set(ids))


async def test_stopping_finishes_what_was_begun(site: Site, tmp_path: Path) -> None:
    """SIGTERM under load: clients get an answer or no connection, every 201 is in the topic, and the exit is 0."""
    accepted: list[str] = []

    async def keep_posting(door: Ingress) -> None:
        while True:
            try:
                answer = await door.post(single())
            except (OSError, asyncio.IncompleteReadError):
                return
            assert answer.status == 201
            accepted.append(answer.json["data"]["id"])

    async with ingress(site, tmp_path) as door:
        posting = [asyncio.create_task(keep_posting(door)) for _ in range(16)]
        while len(accepted) < 100:
            await asyncio.sleep(0.01)
        assert await door.agent.stop() == 0
        await asyncio.gather(*posting)
    assert set(accepted) <= set(await site.ids())


async def test_two_processes_on_one_port(site: Site, tmp_path: Path) -> None:
    """Both take requests; when one stops, the other goes on."""
    port = free_port()
    async with ingress(site, tmp_path, port, INGRESS_REUSE_PORT="true") as first:
        async with ingress(site, tmp_path, port, INGRESS_REUSE_PORT="true") as second:
            answers = await asyncio.gather(*(first.post(single()) for _ in range(60)))
            assert {201} == {answer.status for answer in answers}
            counts = [await it.agent.metric("smsout_ingress_messages_accepted_total") for it in (first, second)]
            assert sum(counts) == 60
            assert min(counts) > 0
            assert await second.agent.stop() == 0
        assert [(await first.post(single())).status for _ in range(10)] == [201] * 10


@pytest.mark.parametrize(("failpoint", "stored"), [("ingress.before_produce:1", 0), ("ingress.after_acknowledge:1", 1)])
async def test_killed_around_the_write(site: Site, tmp_path: Path, failpoint: str, stored: int) -> None:
    """No answer in both cases: before the write nothing is there, after the acknowledgement the message is."""
    before = len(await site.ids())
    async with ingress(site, tmp_path, FAILPOINT=failpoint) as door:
        await door.agent.until_ready()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await door.post(single())
        assert await door.agent.ended() == -signal.SIGKILL
    assert len(await site.ids()) == before + stored


async def test_idle_connections_take_nobodys_place(site: Site, tmp_path: Path) -> None:
    """Hundreds of them: requests, metrics and the broker still get their files, and the log says what happened."""
    async with ingress(site, tmp_path, FAILPOINT="none:1") as door:
        # Before it listens, and so counts what it may open.
        resource.prlimit(door.agent.process.pid, resource.RLIMIT_NOFILE, (FILES, FILES))
        await door.agent.until_ready()
        idle = [await asyncio.open_connection("127.0.0.1", door.port) for _ in range(2 * FILES)]
        try:
            assert (await door.post(single())).status == 201
            held = await door.agent.metric('smsout_http_connections{server="ingress"}')
            closed = await door.agent.metric('smsout_http_connections_closed_total{bound="all",server="ingress"}')
            assert held <= FILES - SPARE_FILES
            assert closed >= 2 * FILES - held
            logged = door.agent.log.read_text()
            assert "fewer_connections_than_wanted" in logged
            assert "connections_at_their_limit" in logged
        finally:
            for _, writer in idle:
                writer.close()


async def test_broker_that_does_not_exist(site: Site, tmp_path: Path) -> None:
    """One clear line that names the address and the setting, and an exit code that says "unavailable"."""
    nowhere = Site(site.broker, KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}"), site.trunk, "")
    async with ingress(nowhere, tmp_path, KAFKA_CONNECT_TIMEOUT_SECONDS="1", FAILPOINT="none:1") as door:
        assert await door.agent.ended() == 69
        (line,) = [it for it in door.agent.log.read_text().splitlines() if "broker_unreachable" in it]
        assert nowhere.kafka.bootstrap_servers in line
        assert "SMSOUT_KAFKA_BOOTSTRAP_SERVERS" in line


async def test_processes_share_a_limit_also_when_one_is_killed(site: Site, tmp_path: Path) -> None:
    """Two let in half each, a third takes a third; what is killed is gone after some seconds, what stops at once."""
    trunk, password = trunk_with_password(id=uuid7(), requests_per_second=30)
    await site.add(trunk)
    authorization = basic(trunk.credentials[0].username, password)

    async def let_in(*doors: Ingress) -> list[int]:
        """Let the second's worth of before come back, and ask for more than there is, at all doors at once.

        What takes longer than a second does not count: more has come back meanwhile than is allowed for below.
        """
        async with asyncio.timeout(LIMIT_SECONDS):
            took_seconds = 1.0
            while took_seconds >= 1:
                await asyncio.sleep(1.1)
                began = time.monotonic()
                asking = [door.post(single(), authorization=authorization) for door in doors * 40]
                answers = await asyncio.gather(*asking)
                took_seconds = time.monotonic() - began
        assert {it.status for it in answers} == {201, 429}
        assert all(it.headers["ratelimit-policy"] == '"trunk";q=30;w=1' for it in answers)
        return [sum(it.status == 201 for it in answers[place :: len(doors)]) for place in range(len(doors))]

    async def shared_by(count: int, *doors: Ingress) -> None:
        async def as_told() -> bool:
            return {await door.agent.metric("smsout_ingress_processes") for door in doors} == {count}

        await until(as_told)

    async with ingress(site, tmp_path) as one, ingress(site, tmp_path) as two:
        await shared_by(2, one, two)
        assert all(15 <= it <= 30 for it in await let_in(one, two))
        async with ingress(site, tmp_path) as three:
            await shared_by(3, one, two, three)
            assert all(10 <= it <= 20 for it in await let_in(one, two, three))
            assert await three.agent.stop() == 0
        began = time.monotonic()
        await shared_by(2, one, two)
        assert time.monotonic() - began < SAY_SECONDS + 1
        two.agent.process.kill()
        began = time.monotonic()
        await shared_by(1, one)
        assert time.monotonic() - began < LIMIT_SECONDS / 4
        assert 30 <= (await let_in(one))[0] < 40
