"""The broker is killed, frozen, or out of disk: ingress says 503, nothing that was accepted is lost, and work goes on.

One system and one broker of its own for all three troubles, since the system has to get over each of them anyway.
"""

import asyncio
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from tests.brokers import RunningBroker, running_broker
from tests.e2e.customer import JSON_API, Customer
from tests.systems import running_system

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

# Ingress waits this long for an acknowledgement; from then on it says at once that the broker does not answer.
ACKNOWLEDGE_SECONDS = 10.0
AT_ONCE_SECONDS = 1.0  # what a machine that runs other tests too may take for an answer that waits for nobody
TROUBLE_SECONDS = 15.0
RESTARTS_AT_MOST = 6  # of one agent in one trouble: with its backoff that is no busy loop


class System(NamedTuple):
    """A running system and its broker. `thread` lives as long as they do: a broker ends with the thread it is from."""

    broker: RunningBroker
    ready: dict[str, Any]
    thread: ThreadPoolExecutor


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("troubles")
    # The thread outlives the system: a broker that was started in it ends with it.
    with ThreadPoolExecutor(1) as thread, running_broker(folder / "broker") as broker:
        environment = {"SMSOUT_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers}
        with running_system(folder / "up", environment=environment) as ready:
            yield System(broker, ready, thread)


@dataclass
class Answers:
    """What ingress answered: the texts that were accepted, and (seconds into the trouble, seconds taken, status)."""

    accepted: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[float, float, int]] = field(default_factory=list)
    without_retry_after: int = 0


class Sender:
    """Sends a message every 200 ms, each with a text of its own, and keeps the answers."""

    def __init__(self, customer: Customer, name: str) -> None:
        self.answers = Answers()
        self._ready = customer.ready
        self._authorization = aiohttp.encode_basic_auth(customer.trunk["username"], customer.trunk["password"])
        self._name = name
        self._count = 0
        self._open: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Send for as long as the context lasts; then wait for the answers."""
        began = time.monotonic()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:

            async def send() -> None:
                while True:
                    task = asyncio.create_task(self._send(session, began))
                    self._open.add(task)
                    task.add_done_callback(self._open.discard)
                    await asyncio.sleep(0.2)

            sending = asyncio.create_task(send())
            try:
                yield
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                await asyncio.gather(*self._open)

    async def _send(self, session: aiohttp.ClientSession, began: float) -> None:
        self._count += 1
        text = f"{self._name} {self._count:05d}"
        attributes = {"destination": f"1212555{self._count % 10000:04d}", "source": "12125551234", "content": text}
        headers = {"Content-Type": JSON_API, "Authorization": self._authorization}
        asked = time.monotonic()
        try:
            async with session.post(
                f"{self._ready['ingress_url']}/outbound_messages",
                json={"data": {"type": "outbound_messages", "attributes": attributes}},
                headers=headers,
            ) as answer:
                body = await answer.json(content_type=None)
                if answer.status == 201:
                    self.answers.accepted[text] = body["data"]["id"]
                elif "Retry-After" not in answer.headers:
                    self.answers.without_retry_after += 1
                status = answer.status
        except (aiohttp.ClientError, OSError):
            status = 0  # ingress itself was starting again
        self.answers.seen.append((asked - began, time.monotonic() - asked, status))


async def accepts_again(customer: Customer, limit_seconds: float = 90.0) -> None:
    """Wait until ingress takes a message."""
    async with asyncio.timeout(limit_seconds):
        while True:
            try:
                await customer.send("12125550000", "Are you there?")
            except (AssertionError, aiohttp.ClientError, OSError):
                await asyncio.sleep(0.2)
            else:
                return


async def check_the_books(customer: Customer, found: Answers) -> None:
    """Everything that was accepted is at the carrier, once, and called back."""
    accepted = set(found.accepted.values())
    told: set[str] = set()
    since = 0
    async with asyncio.timeout(120):
        while not accepted <= told:
            for it in await customer.get(f"/inbox/demo?since={since}"):
                since = it["n"]
                body = customer.verified(it)["data"]
                assert body["attributes"]["status"] == "Success"
                told.add(body["id"])
            await asyncio.sleep(0.2)
    posts: dict[str, Counter[str]] = {}
    for it in await customer.ledger():
        posts.setdefault(it["text"], Counter())[it["idempotency_key"]] += 1
    for text, identity in found.accepted.items():
        assert posts[text] == {f"{identity}:1": 1}, text


def restarts(ready: dict[str, Any], since: int) -> Counter[str]:
    """Count the ends of agents that the log tells of since its size was `since`."""
    lines = Path(ready["log_file"]).read_text()[since:].splitlines()
    return Counter(line.split("|")[0].strip() for line in lines if "| ended: " in line)


def kill(broker: RunningBroker) -> None:
    broker.kill()


def freeze(broker: RunningBroker) -> None:
    os.kill(broker.pid, signal.SIGSTOP)


def fill_the_disk(broker: RunningBroker) -> None:
    """No file of the broker's may grow any more: what a full disk is to it, without needing one."""
    resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))


def start(broker: RunningBroker) -> None:
    broker.kill()  # where it has not ended by itself
    broker.start()


def thaw(broker: RunningBroker) -> None:
    os.kill(broker.pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("trouble", "end"),
    [
        pytest.param(kill, start, id="down"),
        pytest.param(freeze, thaw, id="frozen"),
        pytest.param(fill_the_disk, start, id="disk-full"),
    ],
)
async def test_a_broker_in_trouble_costs_time_and_nothing_else(system: System, trouble: Any, end: Any) -> None:
    """503 with Retry-After, soon without any wait; afterwards all that was accepted is sent once and called back."""
    broker, ready, thread = system
    size = len(Path(ready["log_file"]).read_text())
    async with Customer(ready) as customer:
        await accepts_again(customer)
        sender = Sender(customer, trouble.__name__)
        async with sender.sending():
            await asyncio.sleep(1.0)
            trouble(broker)
            await asyncio.sleep(TROUBLE_SECONDS)
            await asyncio.get_running_loop().run_in_executor(thread, end, broker)
            await accepts_again(customer)
            await asyncio.sleep(1.0)
        await check_the_books(customer, sender.answers)
    found = sender.answers
    assert {status for _, _, status in found.seen} <= {0, 201, 503}
    assert found.without_retry_after == 0
    refused = [it for it in found.seen if it[2] == 503]
    assert refused, "the trouble was none"
    settled = [took for asked, took, _ in refused if 1.0 + ACKNOWLEDGE_SECONDS + 1.0 < asked < 1.0 + TROUBLE_SECONDS]
    assert settled
    assert max(settled) < AT_ONCE_SECONDS
    assert max(took for _, took, _ in refused) < ACKNOWLEDGE_SECONDS + 2.0
    assert max(restarts(ready, size).values(), default=0) <= RESTARTS_AT_MOST
