"""Endpoints that are down, slow or gone, and what their neighbours see of it: a callback agent on a real Kafka."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Final

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer

from pipeline.kafka.admin import topic_admin
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings
from schemas.callback import AttemptOutcome, CallbackAttempt
from schemas.directory.trunk import Trunk
from schemas.headers.dead_letter import DeadLetterSource
from schemas.identifiers import uuid7
from schemas.record import OutRecord
from schemas.status import MessageStatus
from schemas.topics import CALLBACK_ATTEMPTED, STATUS
from tests.fakes.receiver import Receiver, receiving
from tests.integration.callback_site import (
    STATUS_DEAD_LETTERS,
    CallbackSite,
    callback_agent,
    callback_site,
    new_status,
    new_trunk,
)
from tests.integration.patience import until

pytestmark = [pytest.mark.kafka, pytest.mark.alone]

PENDING: Final = 100_000
DELAYS_SECONDS: Final = (5, 30, 120, 300)
PROBES_PER_SECOND: Final = 10


class DeadEndpoint:
    """Reads everything and never answers."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0

    async def hang(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.read(65_536):
                pass
        finally:
            writer.close()


@asynccontextmanager
async def dead_endpoint() -> AsyncIterator[DeadEndpoint]:
    endpoint = DeadEndpoint()
    server = await asyncio.start_server(endpoint.hang, "127.0.0.1", 0)
    endpoint.port = server.sockets[0].getsockname()[1]
    try:
        yield endpoint
    finally:
        server.close()


@pytest_asyncio.fixture
async def site(kafka: str) -> AsyncIterator[CallbackSite]:
    async with callback_site(kafka) as shared:
        yield shared


async def pile_up(site: CallbackSite, trunk: Trunk, count: int) -> None:
    """Write `count` statuses of messages of `trunk`."""
    template = new_status(trunk)
    value, known = template.to_bytes(), template.message_id.encode()
    for start in range(0, count, 5000):
        ids = [uuid7().encode() for _ in range(min(5000, count - start))]
        await site.producer.write([OutRecord(STATUS, it, value.replace(known, it)) for it in ids])


async def trickle(site: CallbackSite, trunk: Trunk, seconds: float) -> None:
    """Have messages of `trunk` go on ending, a hundred a second."""
    for _ in range(round(seconds * 10)):
        await pile_up(site, trunk, 10)
        await asyncio.sleep(0.1)


async def probe(site: CallbackSite, receiver: Receiver, trunk: Trunk, seconds: float) -> list[float]:
    """Have messages of `trunk` end, one after the other; return after how many seconds each was notified."""
    loop = asyncio.get_running_loop()
    ended: dict[str, float] = {}
    until_at = loop.time() + seconds
    while loop.time() < until_at:
        status = new_status(trunk)
        ended[status.webhook_id] = loop.time()
        await site.end(status)
        await asyncio.sleep(max(0.0, ended[status.webhook_id] + 1 / PROBES_PER_SECOND - loop.time()))

    async def all_there() -> bool:
        return ended.keys() <= {one.headers["webhook-id"] for one in receiver.received}

    await until(all_there)
    arrived = {one.headers["webhook-id"]: one.at for one in receiver.received}
    return [arrived[webhook_id] - at for webhook_id, at in ended.items()]


async def test_a_dead_endpoint_with_100_000_pending_hurts_nobody(
    site: CallbackSite, kafka: str, tmp_path: Path
) -> None:
    """Another endpoint's callbacks are as quick as without it, and the agent's memory stays small."""
    await topic_admin.apply(
        KafkaSettings(bootstrap_servers=kafka),
        TopicSettings(partitions=2),
        RetrySettings(callback_delays_seconds=DELAYS_SECONDS),
    )
    async with dead_endpoint() as dead, receiving() as receiver:
        hanging = await site.add(new_trunk(f"http://127.0.0.1:{dead.port}/"))
        well = await site.add(new_trunk(receiver.url("/ok")))
        async with callback_agent(
            site, receiver, tmp_path / "log",
            SMSOUT_CALLBACK_ALLOWED_ADDRESSES=f"127.0.0.1:{receiver.port},127.0.0.1:{dead.port}",
            SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS=",".join(map(str, DELAYS_SECONDS)),
            SMSOUT_CALLBACK_TIMEOUT_SECONDS="2",
        ) as agent:  # fmt: skip
            await probe(site, receiver, well, 1.0)
            alone = await probe(site, receiver, well, 4.0)
            await pile_up(site, hanging, PENDING)

            async def all_wait() -> bool:
                tried = await agent.metric('smsout_messages_total{outcome="waiting",stage="callback"}')
                return tried + await agent.metric('smsout_backlog_entries{agent="callback"}') >= PENDING

            await until(all_wait)
            assert await agent.metric("smsout_callback_open_breakers") == 1
            assert await agent.metric("smsout_callback_slow_endpoints") == 1
            beside, _ = await asyncio.gather(probe(site, receiver, well, 6.0), trickle(site, hanging, 6.0))
            print(f"alone {median(alone) * 1000:.1f} ms, beside {median(beside) * 1000:.1f} ms, "
                  f"{agent.peak_memory_mb():.0f} MB, {dead.connections} POSTs hung")  # fmt: skip
            assert median(beside) <= 1.5 * median(alone)
            assert agent.peak_memory_mb() < 200
            assert dead.connections < 50
            assert await agent.stop() == 0


async def attempts_of(site: CallbackSite, statuses: list[MessageStatus], count: int) -> list[CallbackAttempt]:
    """Every attempt on record at these messages, in order of time, when there are `count`."""
    wanted = {status.message_id for status in statuses}
    found: list[CallbackAttempt] = []
    consumer = AIOKafkaConsumer(
        CALLBACK_ATTEMPTED, bootstrap_servers=site.kafka.bootstrap_servers, auto_offset_reset="earliest",
        isolation_level="read_committed",
    )  # fmt: skip
    await consumer.start()
    try:

        async def all_there() -> bool:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                events = [CallbackAttempt.from_bytes(record.value) for record in records]
                found.extend(event for event in events if event.message_id in wanted)
            return len(found) >= count

        await until(all_there)
    finally:
        await consumer.stop()
    return sorted(found, key=lambda event: event.at)


async def test_endpoints_that_are_gone_or_want_a_pause(site: CallbackSite, tmp_path: Path) -> None:
    """410 ends it all, visibly; Retry-After moves the next attempt; and every attempt is on record."""
    async with receiving() as gone, receiving() as pausing, receiving() as receiver:
        disabled = await site.add(new_trunk(gone.url("/gone")))
        paused = await site.add(new_trunk(pausing.url("/pause")))
        allowed = f"127.0.0.1:{gone.port},127.0.0.1:{pausing.port}"
        async with callback_agent(
            site, receiver, tmp_path / "log",
            SMSOUT_CALLBACK_ALLOWED_ADDRESSES=allowed, SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS="1,3,2",
        ) as agent:  # fmt: skip
            first, later, throttled = new_status(disabled), new_status(disabled), new_status(paused)
            await site.end(first, throttled)
            [ended] = await attempts_of(site, [first], 1)
            await site.end(later)

            def reasons(status: MessageStatus) -> Callable[[DeadLetterSource, bytes], bool]:
                return lambda origin, value: (
                    origin.reason == ("endpoint-gone" if status is first else "endpoint-disabled")
                    and MessageStatus.from_bytes(value) == status
                )

            async def both_are_kept() -> bool:
                found = [await site.dead_letters(STATUS_DEAD_LETTERS, reasons(it)) for it in (first, later)]
                return [len(it) for it in found] == [1, 1]

            await until(both_are_kept)
            refused, accepted = await attempts_of(site, [throttled], 2)
            assert await agent.stop() == 0
    assert len(gone.of("/gone")) == 1
    assert (ended.outcome, ended.status_code, ended.answer) == (AttemptOutcome.GONE, 410, "no more")
    assert [it.attempt for it in (ended, refused, accepted)] == [1, 1, 2]
    assert [it.outcome for it in (refused, accepted)] == [AttemptOutcome.FAILED, AttemptOutcome.ACCEPTED]
    assert accepted.endpoint == f"http://127.0.0.1:{pausing.port}"
    before, after = pausing.of("/pause")
    assert after.at - before.at >= 2.9


async def test_slow_endpoints_and_storms_of_retries_delay_no_first_attempt(site: CallbackSite, tmp_path: Path) -> None:
    """With more slow endpoints than there are workers, and hundreds of retries due, another is called at once."""
    async with AsyncExitStack() as running:
        slow = [await running.enter_async_context(receiving()) for _ in range(8)]
        receiver = await running.enter_async_context(receiving())
        failing = await running.enter_async_context(receiving())
        trunks = [await site.add(new_trunk(it.url("/slow"))) for it in slow]
        storming = await site.add(new_trunk(failing.url("/fail")))
        well = await site.add(new_trunk(receiver.url("/ok")))
        ports = [receiver.port, failing.port, *(it.port for it in slow)]
        agent = await running.enter_async_context(
            callback_agent(
                site, receiver, tmp_path / "log",
                SMSOUT_CALLBACK_ALLOWED_ADDRESSES=",".join(f"127.0.0.1:{port}" for port in ports),
                SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS="1,2,3", SMSOUT_CALLBACK_WORKERS="8",
            )
        )  # fmt: skip
        await probe(site, receiver, well, 1.0)
        alone = await probe(site, receiver, well, 3.0)
        for trunk in trunks:
            await pile_up(site, trunk, 20)
        await pile_up(site, storming, 500)
        await asyncio.sleep(2.5)  # by now all of them are known to be slow, and the retries come due
        beside = await probe(site, receiver, well, 4.0)
        print(f"alone {median(alone) * 1000:.1f} ms, beside {median(beside) * 1000:.1f} ms")
        assert median(beside) < max(1.5 * median(alone), 0.1)
        # What another test has left for its dead endpoint on the shared broker hangs, too.
        assert await agent.metric("smsout_callback_slow_endpoints") >= len(slow)
        assert await agent.stop() == 0
