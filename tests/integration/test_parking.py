"""What waits for a peer that is away is parked, and outlives its agent: with a real Apache Kafka and SIGKILL."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from agents.commands.doctor.parked import read_parked
from pipeline.kafka.admin import topic_admin
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.directory.entry import key_of
from schemas.identifiers import uuid7
from schemas.messages.mt_message import Segment
from schemas.record import OutRecord
from schemas.topics import CALLBACK_PARKED, DIRECTORY, MT_PARKED, SEGMENTED
from tests.builders import carrier, message
from tests.fakes.peer import Arrival, Manner, Peer, peer
from tests.fakes.receiver import Receiver
from tests.integration.agent_process import AgentProcess, agent_process
from tests.integration.callback_site import callback_agent, callback_site, new_status, new_trunk
from tests.integration.patience import until

pytestmark = pytest.mark.kafka

NUMBERS: Final = 20
EACH: Final = 30
TRIPPING: Final = 40
NOTIFICATIONS: Final = 500
FIRST: Final = 10
"""Notifications that find out that the endpoint is away: they have been tried, and wait for a clock first."""
DELAYS: Final = (1, 300)
"""Of notifications that were tried: one that was not may wait for all of them together."""
AT_ONCE: Final = 4
"""POSTs that a peer is sent at once."""
MOST_IN_DOUBT: Final = 4 * AT_ONCE
"""Beside those that are open when delivery is killed, some outcomes may be on their way to the journal."""


@pytest.fixture(scope="module")
def slots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings of agents that are each the successor of the one before: the group gives them its partitions at once."""
    return {
        "SMSOUT_STATE_DIR": str(tmp_path_factory.mktemp("state")),
        "SMSOUT_KAFKA_SESSION_TIMEOUT_SECONDS": "6",  # of the last one, for which whoever comes later waits
    }


async def send(producer: RecordProducer, of: Carrier, begin: int, numbers: int, each: int) -> None:
    """Write messages to each of some numbers, in turns; their texts count from 0."""
    now = datetime.now(UTC)
    messages = [
        message(
            (Segment(seqnum=1, text=str(place)),), id=uuid7(), destination=f"1555{number:07d}", carrier_id=of.id,
            accepted_at=now,
        )
        for place in range(each) for number in range(begin, begin + numbers)
    ]  # fmt: skip
    await producer.write([OutRecord(SEGMENTED, it.destination.encode(), it.to_bytes()) for it in messages])


async def until_parked(kafka: KafkaSettings, topic: str, peer_id: str, count: int) -> None:
    """Wait until so many records wait for a peer in a parking topic."""

    async def all_are() -> bool:
        return (await read_parked(kafka, topic, client_id="test-parking")).peers[peer_id] >= count

    await until(all_are)


async def until_reached(of: Peer, count: int) -> None:
    """Wait until so many different POSTs have come."""

    async def all_have() -> bool:
        return len({(it.destination, it.text) for it in of.arrivals}) >= count

    await until(all_have)


def by_number(arrivals: Sequence[Arrival]) -> dict[str, list[int]]:
    """Return the texts that came to each number, in order, each when it came first."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for it in arrivals:
        if int(it.text) not in found[it.destination]:
            found[it.destination].append(int(it.text))
    return found


async def tripped(agent: AgentProcess, of: Carrier) -> None:
    async def is_away() -> bool:
        return await agent.metric(f'smsout_carrier_breaker_state{{carrier="{of.id}"}}') > 0

    await until(is_away)


@pytest.mark.parametrize("killed_after", [0, 200], ids=["before it is back", "while it is released"])
async def test_parked_messages_outlive_delivery(
    catalogue: KafkaSettings, kafka: str, tmp_path: Path, slots: dict[str, str], killed_after: int
) -> None:
    """All of them reach the carrier, each number's in order; only what was at work may come twice."""
    begin = 1_000 + killed_after
    settings = {"SMSOUT_KAFKA_BOOTSTRAP_SERVERS": kafka, **slots}
    producer = await RecordProducer(catalogue, client_id="test").start()
    async with peer() as there:
        there.manners["/"] = Manner(seconds=0.005)
        ours = carrier(
            id=uuid7(), name="away", url=there.url("/carrier"), max_in_flight=AT_ONCE,
            in_doubt_policy=InDoubtPolicy.RESEND_WITH_KEY,
        )  # fmt: skip
        await producer.write([OutRecord(DIRECTORY, key_of(ours), ours.to_bytes())])
        await there.away()
        async with agent_process("delivery", tmp_path / "first.log", settings) as agent:
            await agent.until_ready()
            # Who finds out that it is away has been tried, and waits for a clock: those to other numbers.
            await send(producer, ours, begin + 500, TRIPPING, 1)
            await tripped(agent, ours)
            await send(producer, ours, begin, NUMBERS, EACH)
            await until_parked(catalogue, MT_PARKED, ours.id, NUMBERS * EACH)
            if killed_after:
                await there.start()
                await until_reached(there, killed_after)
            agent.process.kill()
            await agent.ended()
        if not killed_after:
            await there.start()  # or the first ones would be tried once more before it is known to be away
        async with agent_process("delivery", tmp_path / "second.log", settings) as agent:
            await agent.until_ready()
            await until_reached(there, NUMBERS * EACH + TRIPPING)
            assert await agent.stop() == 0
        ordered = by_number([it for it in there.arrivals if int(it.destination[4:]) < begin + 500])
        assert ordered == {f"1555{number:07d}": list(range(EACH)) for number in range(begin, begin + NUMBERS)}
        repeated = Counter((it.destination, it.text) for it in there.arrivals)
        assert sum(repeated.values()) - len(repeated) <= (MOST_IN_DOUBT if killed_after else 0)
    await producer.stop()


@pytest.mark.parametrize("released", [0, 100], ids=["before it is back", "while they are released"])
async def test_parked_notifications_outlive_the_callback_agent(
    kafka: str, tmp_path: Path, slots: dict[str, str], released: int
) -> None:
    """All of them reach the endpoint; what is known to be done is not posted again."""
    async with callback_site(kafka) as site, peer() as there:
        there.manners["/"] = Manner(status=200, seconds=0.02)
        trunk = await site.add(new_trunk(there.url("/callback")))
        receiver = Receiver(port=there.port)
        await there.away()
        statuses = [
            new_status(trunk).model_copy(update={"destination": f"1555{released:03d}{n:04d}"})
            for n in range(NOTIFICATIONS)
        ]
        await topic_admin.apply(site.kafka, TopicSettings(partitions=2), RetrySettings(callback_delays_seconds=DELAYS))
        settings = {
            "SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS": ",".join(map(str, DELAYS)),
            "SMSOUT_CALLBACK_WORKERS": str(AT_ONCE),
            **slots,
        }

        async def waiting() -> int:
            return (await read_parked(site.kafka, CALLBACK_PARKED, client_id="test-parking")).peers[trunk.id]

        async with callback_agent(site, receiver, tmp_path / "first.log", **settings) as agent:
            await site.end(*statuses[:FIRST])

            async def is_away() -> bool:
                return await agent.metric("smsout_callback_open_breakers") > 0

            await until(is_away)
            await site.end(*statuses[FIRST:])
            await until_parked(site.kafka, CALLBACK_PARKED, trunk.id, NOTIFICATIONS - FIRST)
            if released:
                await there.start()

                async def are_released() -> bool:
                    return await waiting() <= NOTIFICATIONS - FIRST - released

                await until(are_released)
            agent.process.kill()
            await agent.ended()
        before, left = len(there.arrivals), await waiting()
        if not released:
            await there.start()
        async with callback_agent(site, receiver, tmp_path / "second.log", **settings) as agent:
            await until_reached(there, NOTIFICATIONS)
            assert await agent.stop() == 0
        assert {it.destination for it in there.arrivals} == {it.destination for it in statuses}
        assert len(there.arrivals) - before <= left + FIRST
