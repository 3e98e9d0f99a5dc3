"""Three brokers over TLS under load: any one may be killed or stand still, and nothing that was accepted is lost."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from aiokafka.errors import KafkaError

from tests.e2e.customer import Customer
from tests.secured_cluster import ADMIN, SecuredCluster, secured_cluster
from tests.systems import running_system

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.cluster, pytest.mark.timeout(900)]

NODES = 3
AWAY_SECONDS = 8.0
STANDS_STILL_SECONDS = 12.0
QUIET_SECONDS = 5.0
A_NEW_LEADER_TAKES_SECONDS = 30.0
"""After an event, how long requests may be answered with 503: the session of a broker that is gone has to end (5 s),
leaders have to be elected, and clients have to hear of it."""
REPLICATED_WITHIN_SECONDS = 90.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredCluster]:
    with secured_cluster(tmp_path_factory.mktemp("cluster"), NODES, {}) as running:
        yield running


class Load:
    """Sends a message every 50 ms, and remembers which were accepted, and when one was not."""

    def __init__(self, customer: Customer) -> None:
        self._customer = customer
        self.accepted: dict[str, str] = {}
        self.refused: list[tuple[float, int]] = []
        self.running = True

    async def run(self) -> None:
        number = 0
        while self.running:
            number += 1
            destination = f"1555{number:07}"
            attributes: dict[str, object] = {"destination": destination, "source": "12125551234", "content": "x"}
            try:
                status, body = await self._customer.post("/outbound_messages", "outbound_messages", attributes)
            except (aiohttp.ClientError, TimeoutError):
                status, body = 0, {}
            if status == 201:
                self.accepted[body["data"]["id"]] = destination
            else:
                self.refused.append((time.monotonic(), status))
            await asyncio.sleep(0.05)

    async def quiet_again(self, since: float) -> float:
        """Wait until everything is accepted again, for a while; return how long after `since` the last was not."""
        while True:
            last = max([since, *(at for at, _ in self.refused)])
            assert last - since < A_NEW_LEADER_TAKES_SECONDS, self.refused[-20:]
            if time.monotonic() - last > QUIET_SECONDS:
                return last - since
            await asyncio.sleep(0.1)


async def replicated(cluster: SecuredCluster) -> None:
    """Wait until every broker has all that the others have: from then on any of them may go."""
    async with asyncio.timeout(REPLICATED_WITHIN_SECONDS):
        while True:
            admin = await cluster.admin()
            try:
                topics = await admin.describe_topics()
            except (KafkaError, OSError):
                topics = []
            finally:
                await admin.close()
            partitions = [it for topic in topics for it in topic["partitions"]]
            if partitions and all(len(it["isr"]) == len(it["replicas"]) == NODES for it in partitions):
                return
            await asyncio.sleep(0.5)


async def kill(cluster: SecuredCluster, node: int) -> None:
    """A power cut; back after a while."""
    cluster.signal(node, signal.SIGKILL)
    await asyncio.sleep(AWAY_SECONDS)
    cluster.start(node)


async def freeze(cluster: SecuredCluster, node: int) -> None:
    """It stands still for longer than its session, and goes on as if nothing had been."""
    cluster.signal(node, signal.SIGSTOP)
    await asyncio.sleep(STANDS_STILL_SECONDS)
    cluster.signal(node, signal.SIGCONT)


async def restart(cluster: SecuredCluster, node: int) -> None:
    """An upgrade: it hands over what it leads, ends, and starts again."""
    cluster.signal(node, signal.SIGTERM)
    await asyncio.to_thread(cluster.wait, node)
    cluster.start(node)


async def test_one_broker_after_the_other_goes_and_nothing_is_lost(cluster: SecuredCluster, tmp_path: Path) -> None:
    """Each is killed, stands still and is restarted, the one that leads the controllers among them.

    Every 201 reaches the carrier once, or flagged; nothing but 503 is said meanwhile, and soon 201 again.
    """
    admin = await cluster.admin()
    await admin.close()
    environment = {
        **cluster.environment(ADMIN), "SMSOUT_TOPICS_PARTITIONS": "2", "SMSOUT_TOPICS_REPLICATION_FACTOR": str(NODES),
        "SMSOUT_TOPICS_MIN_INSYNC_REPLICAS": "2",
    }  # fmt: skip
    outages: dict[str, float] = {}
    with running_system(tmp_path / "system", environment=environment) as ready:
        async with Customer(ready) as customer:
            load = Load(customer)
            sending = asyncio.create_task(load.run())
            await asyncio.sleep(QUIET_SECONDS)
            assert load.refused == []
            for event in (kill, freeze, restart):
                for node in range(1, NODES + 1):
                    await replicated(cluster)
                    began = time.monotonic()
                    await event(cluster, node)
                    outages[f"{event.__name__} {node}"] = round(await load.quiet_again(began), 1)
            load.running = False
            await sending
            wanted = set(load.accepted)
            async with asyncio.timeout(120):
                while not wanted <= (taken := Counter(it["message_id"] for it in await customer.ledger())).keys():
                    await asyncio.sleep(1)
                while not wanted <= {
                    word for it in await customer.get("/inbox/demo") for word in it["body"].split('"')
                }:
                    await asyncio.sleep(1)
    print(f"accepted {len(wanted)}, refused {len(load.refused)}; seconds to the last one after an event: {outages}")
    assert len(wanted) > 100
    assert {status for _, status in load.refused} <= {503}
    assert [message_id for message_id in wanted if taken[message_id] > 1] == []
