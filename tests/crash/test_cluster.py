"""Three brokers over TLS under load: any one may be killed or stand still, and nothing that was accepted is lost."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.customer import Customer
from tests.secured_cluster import ADMIN, SecuredCluster, secured_cluster
from tests.systems import running_system

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.alone, pytest.mark.cluster, pytest.mark.timeout(900)]

QUIET_SECONDS = 8.0
STANDS_STILL_SECONDS = 12.0
A_NEW_LEADER_TAKES_SECONDS = 30.0
"""After an event, how long requests may be answered with 503: the session of a broker that is gone has to end (5 s),
leaders have to be elected, and clients have to hear of it."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredCluster]:
    with secured_cluster(tmp_path_factory.mktemp("cluster"), 3, {}) as running:
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


async def test_one_broker_after_the_other_goes_and_nothing_is_lost(cluster: SecuredCluster, tmp_path: Path) -> None:
    """SIGKILL and a restart, SIGSTOP and SIGCONT: every 201 reaches the carrier once, or flagged; 503 ends soon."""
    admin = await cluster.admin()
    await admin.close()
    environment = {
        **cluster.environment(ADMIN), "SMSOUT_TOPICS_PARTITIONS": "2", "SMSOUT_TOPICS_REPLICATION_FACTOR": "3",
        "SMSOUT_TOPICS_MIN_INSYNC_REPLICAS": "2",
    }  # fmt: skip
    events: list[float] = []
    with running_system(tmp_path / "system", environment=environment) as ready:
        async with Customer(ready) as customer:
            load = Load(customer)
            sending = asyncio.create_task(load.run())
            await asyncio.sleep(QUIET_SECONDS)
            assert load.refused == []
            for node in (1, 2, 3):
                events.append(time.monotonic())
                if node == 2:
                    cluster.signal(node, signal.SIGSTOP)
                    await asyncio.sleep(STANDS_STILL_SECONDS)
                    cluster.signal(node, signal.SIGCONT)
                else:
                    cluster.signal(node, signal.SIGKILL)
                    await asyncio.sleep(QUIET_SECONDS)
                    cluster.start(node)
                await asyncio.sleep(A_NEW_LEADER_TAKES_SECONDS)
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
    late = [
        (round(at - max(event for event in events if event <= at), 1), status)
        for at, status in load.refused
        if not any(event <= at <= event + A_NEW_LEADER_TAKES_SECONDS for event in events)
    ]
    longest = max([at - max(event for event in events if event <= at) for at, _ in load.refused], default=0.0)
    print(f"accepted {len(wanted)}, refused {len(load.refused)}, the last one {longest:.1f} s after its event")
    assert len(wanted) > 100
    assert late == []
    assert [message_id for message_id in wanted if taken[message_id] > 1] == []
