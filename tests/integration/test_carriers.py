"""Delivery in front of carriers that come and go or take only so much, against a real Apache Kafka."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import time
from typing import Final

import pytest
from aiohttp import web
from aiokafka import AIOKafkaConsumer

from agents.local.ports import free_port
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.directory.entry import key_of
from schemas.identifiers import uuid7
from schemas.messages.mt_message import Alternative, MtMessage
from schemas.messages.status import MessageStatus, StatusName
from schemas.record import OutRecord
from schemas.topics import DIRECTORY, SEGMENTED, STATUS
from tests.builders import carrier, message
from tests.integration.agent_process import AgentProcess, agent_process
from tests.integration.patience import until

pytestmark = pytest.mark.kafka

RATE: Final = 50
BURST: Final = 25  # the machine may hold this process up: what has come meanwhile is read in one go


@dataclass
class Ledger:
    """A carrier that takes everything while it is open, and what it has taken, when and of which trunk."""

    port: int = field(default_factory=free_port)
    taken: list[tuple[float, str, str]] = field(default_factory=list)
    runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/segments"

    async def take(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.taken.append((time(), body["segment_id"], body["source"]))
        return web.json_response({"id": "1"}, status=202)

    async def open(self) -> None:
        app = web.Application()
        app.add_routes([web.post("/segments", self.take)])
        self.runner = web.AppRunner(app, access_log=None)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port).start()

    async def close(self) -> None:
        if self.runner is not None:
            await self.runner.cleanup()


@asynccontextmanager
async def site(kafka: KafkaSettings) -> AsyncIterator[tuple[RecordProducer, Ledger, Ledger]]:
    producer = await RecordProducer(kafka, client_id="test").start()
    ledgers = Ledger(), Ledger()
    try:
        yield producer, *ledgers
    finally:
        for it in ledgers:
            await it.close()
        await producer.stop()


async def put_carriers(producer: RecordProducer, *carriers: Carrier) -> None:
    await producer.write([OutRecord(DIRECTORY, key_of(it), it.to_bytes()) for it in carriers])


async def write(producer: RecordProducer, messages: Iterable[MtMessage]) -> None:
    await producer.write([OutRecord(SEGMENTED, it.destination.encode(), it.to_bytes()) for it in messages])


async def statuses_of(kafka: str, messages: Iterable[MtMessage]) -> dict[str, list[MessageStatus]]:
    """Return what was said of each message when all have a status, and two seconds later."""
    wanted: dict[str, list[MessageStatus]] = {it.id: [] for it in messages}
    consumer = AIOKafkaConsumer(STATUS, bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        until_quiet = 0
        while until_quiet < 4 or not all(wanted.values()):
            found = await consumer.getmany(timeout_ms=500)
            until_quiet = 0 if found else until_quiet + 1
            for record in (it for records in found.values() for it in records):
                # On the shared broker lies the poison of other tests, too.
                if not any(it.encode() in (record.value or b"") for it in wanted):
                    continue
                status = MessageStatus.from_bytes(record.value)
                if status.message_id in wanted:
                    wanted[status.message_id].append(status)
    finally:
        await consumer.stop()
    return wanted


async def breaker(agent: AgentProcess, of: Carrier) -> tuple[float, float]:
    """Return the state of a carrier's breaker, and how often it has opened."""
    state = await agent.metric(f'smsout_carrier_breaker_state{{carrier="{of.id}"}}')
    return state, await agent.metric(f'smsout_carrier_breaker_opened_total{{carrier="{of.id}"}}')


async def test_what_a_carrier_refuses_goes_to_the_next_until_it_is_back(
    catalogue: KafkaSettings, kafka: str, tmp_path: Path
) -> None:
    """The first carrier refuses connections, then listens: nothing is lost or doubled, and the price fits its taker."""
    async with site(catalogue) as (producer, first, second):
        await second.open()
        one, two = (
            carrier(id=uuid7(), name=f"carrier {it.port}", url=it.url, in_doubt_policy=InDoubtPolicy.GIVE_UP)
            for it in (first, second)
        )
        await put_carriers(producer, one, two)
        sent: list[MtMessage] = []

        async def send(count: int) -> None:
            other = Alternative(carrier_id=two.id, price_per_segment=Decimal("0.02"), currency="EUR")
            new = [
                message(
                    1 + number % 2, id=uuid7(), destination=f"1555{len(sent) + number:07d}", carrier_id=one.id,
                    price_per_segment=Decimal("0.01"), currency="USD", alternatives=(other,),
                    accepted_at=datetime.now(UTC),
                )
                for number in range(count)
            ]  # fmt: skip
            sent.extend(new)
            await write(producer, new)

        async with agent_process("delivery", tmp_path / "log", {"SMSOUT_KAFKA_BOOTSTRAP_SERVERS": kafka}) as agent:
            await agent.until_ready()
            await send(200)

            async def all_elsewhere() -> bool:
                await send(5)
                return len({it.rpartition(":")[0] for _, it, _ in second.taken}) >= 200

            await until(all_elsewhere)
            state, opened = await breaker(agent, one)
            assert (state > 0, opened >= 1, first.taken) == (True, True, [])

            await first.open()

            async def the_first_is_back() -> bool:
                await send(1)
                return len(first.taken) >= 20

            await until(the_first_is_back)

            async def closed() -> bool:
                return (await breaker(agent, one))[0] == 0

            await until(closed)
            said = await statuses_of(kafka, sent)
            assert await agent.metric('smsout_messages_total{outcome="failed_over",stage="delivery"}') >= 1
        segments = Counter(it for _, it, _ in [*first.taken, *second.taken])
        assert segments == Counter(it.segment_id(segment) for it in sent for segment in it.segments)
        for it in sent:
            (status,) = said[it.id]
            takers = {
                ledger.port for ledger in (first, second) for _, taken, _ in ledger.taken if taken.startswith(it.id)
            }
            price = {first.port: Decimal("0.01"), second.port: Decimal("0.02")}
            assert status.status == StatusName.SUCCESS
            assert [status.price_per_segment] == [price[taker] for taker in takers]


async def test_two_processes_together_keep_to_a_carriers_limit_and_share_it_among_trunks(
    catalogue: KafkaSettings, kafka: str, tmp_path: Path
) -> None:
    """Alone, while another one joins and when there are two: never more in a second than the rate and the burst.

    A trunk that comes late with 50 messages does not wait for those of one that has hundreds waiting.
    """
    async with site(catalogue) as (producer, ledger, _):
        await ledger.open()
        limited = carrier(
            id=uuid7(), name=f"carrier {ledger.port}", url=ledger.url, segments_per_second=RATE, burst=BURST,
            in_doubt_policy=InDoubtPolicy.GIVE_UP,
        )  # fmt: skip
        await put_carriers(producer, limited)

        def new(count: int, source: str, trunk_id: str) -> list[MtMessage]:
            return [
                message(
                    id=uuid7(), destination=f"1555{number:07d}", source=source, trunk_id=trunk_id, account_id=trunk_id,
                    carrier_id=limited.id, accepted_at=datetime.now(UTC),
                )
                for number in range(count)
            ]  # fmt: skip

        settings = {"SMSOUT_KAFKA_BOOTSTRAP_SERVERS": kafka}
        flood, few = new(1500, "12125550001", uuid7()), new(50, "12125550002", uuid7())
        async with agent_process("delivery", tmp_path / "one", settings) as one:
            await one.until_ready()
            await write(producer, flood)

            async def begun() -> bool:
                return len(ledger.taken) >= 2 * RATE

            await until(begun)
            async with agent_process("delivery", tmp_path / "two", settings) as two:
                await two.until_ready()

                async def both_have_a_part() -> bool:
                    name = f'smsout_carrier_segments_per_second{{carrier="{limited.id}"}}'
                    return [await it.metric(name) for it in (one, two)] == [RATE / 2, RATE / 2]

                await until(both_have_a_part)
                await write(producer, few)
                asked_at = time()

                async def few_are_done() -> bool:
                    return sum(source == few[0].source for _, _, source in ledger.taken) == len(few)

                await until(few_are_done)
                took = time() - asked_at
                left = len(flood) + len(few) - len(ledger.taken)
        times = sorted(at for at, _, _ in ledger.taken)
        busiest = max(sum(at <= it < at + 1.0 for it in times) for at in times)
        assert busiest <= RATE + BURST
        assert left > 0  # or it was no flood
        assert took < 10.0  # two seconds, and what the machine adds; behind the flood it would be half a minute
        assert max(Counter(it for _, it, _ in ledger.taken).values()) == 1
