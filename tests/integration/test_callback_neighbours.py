"""Endpoints that are down, slow or gone, and what their neighbours see of it: a callback agent on a real Kafka."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Final

import pytest

from pipeline.kafka.admin import topic_admin
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings
from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7
from schemas.record import OutRecord
from schemas.topics import STATUS
from tests.fakes.receiver import Receiver, receiving
from tests.integration.callback_site import (
    CallbackSite,
    callback_agent,
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


async def quickest(site: CallbackSite, receiver: Receiver, trunk: Trunk) -> list[float]:
    """Return the quickest of three windows: what others do on this machine comes and goes, what pends is there."""
    return min([await probe(site, receiver, trunk, 2.0) for _ in range(3)], key=median)


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

            beside, _ = await asyncio.gather(quickest(site, receiver, well), trickle(site, hanging, 6.0))
            print(f"alone {median(alone) * 1000:.1f} ms, beside {median(beside) * 1000:.1f} ms, "
                  f"{agent.peak_memory_mb():.0f} MB, {dead.connections} POSTs hung")  # fmt: skip
            assert median(beside) <= 1.5 * median(alone)
            assert agent.peak_memory_mb() < 200
            assert dead.connections < 50
            assert await agent.stop() == 0


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
        beside = await quickest(site, receiver, well)
        print(f"alone {median(alone) * 1000:.1f} ms, beside {median(beside) * 1000:.1f} ms")
        assert median(beside) < max(1.5 * median(alone), 0.1)
        # What another test has left for its dead endpoint on the shared broker hangs, too.
        assert await agent.metric("smsout_callback_slow_endpoints") >= len(slow)
        assert await agent.stop() == 0
