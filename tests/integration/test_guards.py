"""Limits by number against a real broker: a flood to one number, while its processor is killed again and again."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from pipeline.kafka.admin import topic_admin
from pipeline.kafka.admin.group_offsets import group_offsets
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings
from schemas.directory.entry import DirectoryEntry, key_of
from schemas.identifiers import uuid7
from schemas.messages.destination import Destination
from schemas.messages.mt_message import MtMessage
from schemas.messages.status import CodeId, MessageStatus
from schemas.record import OutRecord
from schemas.state.screening import Guard, Screening
from schemas.topics import DIRECTORY, SCREENED, SEGMENTED, STATUS, SUBMITTED
from tests.brokers import RunningBroker, running_broker
from tests.builders import account, carrier, credential, did, route, submission, trunk, uuid
from tests.integration.agent_process import AgentProcess, agent_process
from tests.integration.patience import LIMIT_SECONDS, until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

FLOODED, OTHER = "15550000001", "15559990001"
MOST = 25
RANGE_MOST = 40
GUARDS = {
    "messages_per_number": MOST, "number_window_minutes": 60,
    "messages_per_range": RANGE_MOST, "range_window_minutes": 60,
    "same_text_minutes": 60,
}  # fmt: skip


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """A broker for this module alone: what is in its topics is counted."""
    with running_broker(tmp_path_factory.mktemp("guards")) as started:
        yield started


class Site:
    """A broker's topics, and who floods them."""

    def __init__(self, kafka: KafkaSettings, producer: RecordProducer) -> None:
        self.kafka = kafka
        self._producer = producer
        self.submitted = 0

    async def configure(self, *entries: DirectoryEntry) -> None:
        await self._producer.write([OutRecord(DIRECTORY, key_of(it), it.to_bytes()) for it in entries])

    async def submit(self, number: str, content: str, partition: int | None = None, **changes: str) -> None:
        asked = submission(Destination(address=number), id=uuid7(), content=content, **changes)
        await self._producer.write(
            [OutRecord(SUBMITTED, asked.trunk_id.encode(), asked.to_bytes(), partition=partition)]
        )
        self.submitted += 1

    async def is_done(self) -> bool:
        found = await group_offsets(self.kafka, "sms-processor", [SUBMITTED], client_id="test-guards")
        return all(it.committed == it.end for it in found.values())

    async def outcomes(self) -> dict[tuple[str, str], set[str]]:
        """Return by number and message what became of it, however often it was written."""
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for topic in (SEGMENTED, STATUS):
            async with aclosing(read_topic(self.kafka, topic, client_id="test-guards")) as records:
                async for it in records:
                    if topic == SEGMENTED:
                        message = MtMessage.from_bytes(it.value or b"")
                        found[message.destination, message.id].add("sent")
                    else:
                        status = MessageStatus.from_bytes(it.value or b"")
                        assert status.code_id is CodeId.DESTINATION_NOT_ALLOWED, status
                        found[status.destination, status.message_id].add(status.reason or "")
        return found

    async def sent(self, number: str) -> int:
        return sum(outcome == {"sent"} for (to, _), outcome in (await self.outcomes()).items() if to == number)


async def test_exactly_as_many_go_to_a_number_as_may_whatever_is_killed(broker: RunningBroker, tmp_path: Path) -> None:
    """Of a flood, over the lives of six processors; another number of the trunk is served as ever."""
    kafka = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, session_timeout_seconds=6)
    await topic_admin.apply(kafka, TopicSettings(partitions=2), RetrySettings())
    producer = await RecordProducer(kafka, client_id="test").start()
    site = Site(kafka, producer)
    limited = trunk(**GUARDS)
    await site.configure(account(), did(), carrier(), route(), limited)
    environment = {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers, "SMSOUT_KAFKA_SESSION_TIMEOUT_SECONDS": "6",
    }  # fmt: skip
    async with asyncio.timeout(LIMIT_SECONDS * 4):
        for life, place in enumerate(("after_counts:1", "after_counts:5", "after_outputs:3", None, "after_outputs:9")):
            fatal = environment if place is None else environment | {"SMSOUT_FAILPOINT": f"processor.{place}"}
            async with agent_process("processor", tmp_path / f"life-{life}", fatal) as killed:
                while killed.process.returncode is None:
                    await site.submit(FLOODED, f"Your code is {site.submitted}")
                    await asyncio.sleep(0.02)
                    if place is None and site.submitted % 50 == 0 and await stopped(killed, Guard.NUMBER) > 50:
                        killed.process.kill()  # in the middle of the flood, wherever it is
                        await killed.process.wait()
    async with agent_process("processor", tmp_path / "last", environment) as last:
        await last.until_ready()
        for text in ("once", "once", "twice"):
            await site.submit(OTHER, text)
        for number in range(30):
            await site.submit(f"1555000{2000 + number}", "once")
        await until(site.is_done)
        await see_what_went_out(site)

        # Raised, it is in force within a second for what comes then.
        await site.configure(limited.model_copy(update={"messages_per_number": MOST + 2, "messages_per_range": 1000}))
        await asyncio.sleep(1)
        for _ in range(4):
            await site.submit(FLOODED, f"Your code is {site.submitted}")
        await until(site.is_done)
        assert await site.sent(FLOODED) == MOST + 2
        assert await stopped(last, Guard.SAME_TEXT) == 1
        assert await stopped(last, Guard.NUMBER) >= 2
        assert '"messages_stopped"' in last.log.read_text()
        assert await last.stop() == 0, last.log.read_text()
    await producer.stop()


async def test_an_accounts_limit_is_one_over_its_trunks_and_over_processes(
    broker: RunningBroker, tmp_path: Path
) -> None:  # fmt: skip
    """What one processor lets out counts at the other one, and for who comes after both are killed."""
    kafka = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, session_timeout_seconds=6)
    await topic_admin.apply(kafka, TopicSettings(partitions=2), RetrySettings())
    producer = await RecordProducer(kafka, client_id="test").start()
    site = Site(kafka, producer)
    trunks = [
        trunk(number, account_id=uuid(2), name=f"Trunk {number}", credentials=(credential(f"trunk-{number}"),))
        for number in (21, 22)
    ]
    owner = account(2, messages_per_number=MOST, number_window_minutes=60)
    source, number = "15557770001", "15550000077"
    await site.configure(owner, did(source, account_id=owner.id), carrier(), route(), *trunks)
    environment = {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers, "SMSOUT_KAFKA_SESSION_TIMEOUT_SECONDS": "6",
    }  # fmt: skip

    async def send(messages: int, place: int) -> int:
        """Have messages of one of the trunks worked on, a moment after what was before; return how many went out."""
        await asyncio.sleep(1.5)
        for _ in range(messages):
            text = f"Your code is {site.submitted}"
            await site.submit(number, text, place, trunk_id=trunks[place].id, source=source)
        await until(site.is_done)
        return await site.sent(number)

    async with (
        asyncio.timeout(LIMIT_SECONDS * 4),
        agent_process("processor", tmp_path / "one", environment) as one,
        agent_process("processor", tmp_path / "other", environment | {"SMSOUT_SLOT": "1"}) as other,
    ):
        both = (one, other)
        for it in both:
            await it.until_ready()
        assert await send(MOST - 5, 0) == MOST - 5
        assert await send(20, 1) == MOST
        assert await send(20, 0) == MOST
        assert [await stopped(it, Guard.NUMBER) > 0 for it in both] == [True, True], "one has worked on both partitions"
        for it in both:
            it.process.kill()
            await it.process.wait()
    async with agent_process("processor", tmp_path / "next", environment) as following:
        await following.until_ready()
        for place in range(2):
            assert await send(5, place) == MOST
        await site.configure(owner.model_copy(update={"messages_per_number": MOST + 2}))
        assert await send(5, 1) == MOST + 2
    assert {reason for outcome in (await site.outcomes()).values() for reason in outcome} >= {
        f"the account's limit of {MOST} messages to one number in 60 minutes is reached"
    }
    await producer.stop()


async def see_what_went_out(site: Site) -> None:
    """Of each message one thing became, and of all together as much as may."""
    found = await site.outcomes()
    assert len(found) == site.submitted
    assert [it for it in found.items() if len(it[1]) > 1] == []
    assert await site.sent(FLOODED) == MOST
    assert await site.sent(OTHER) == 2
    assert sum(outcome == {"sent"} for (to, _), outcome in found.items() if to.startswith("1555000")) == RANGE_MOST
    reasons = {reason for outcome in found.values() for reason in outcome}
    assert reasons == {
        "sent",
        f"the trunk's limit of {MOST} messages to one number in 60 minutes is reached",
        f"the trunk's limit of {RANGE_MOST} messages to the numbers 1555000… in 60 minutes is reached",
        "the trunk sent this text to the number less than 60 minutes ago",
    }
    async with aclosing(read_topic(site.kafka, SCREENED, client_id="test-guards")) as records:
        passed = [
            (p.offset, p.message) async for it in records for p in Screening.from_bytes(it.value or b"").passed or ()
        ]
    assert len(passed) == len(set(passed)) == RANGE_MOST + 2


async def stopped(agent: AgentProcess, guard: Guard) -> float:
    """Return how many messages a limit has stopped, as the process says."""
    return await agent.metric(f'smsout_processor_stopped_messages_total{{limit="{guard.value}"}}')
