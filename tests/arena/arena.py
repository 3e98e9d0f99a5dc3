"""The arena: topics, directory and simulator are there for all tests, agents live and die as each test says."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import aiohttp
from aiokafka import AIOKafkaProducer

from agents.local.ports import free_port
from pipeline.kafka.client import connection, start
from pipeline.kafka.directory.writer import DirectoryWriter
from pipeline.settings import KafkaSettings, RetrySettings
from schemas.directory.carrier import InDoubtPolicy
from schemas.directory.entry import DirectoryEntry
from tests.arena.life import AgentProcess, Life
from tests.arena.topics import Topics
from tests.arena.world import PEPPER, PREFIXES, TrunkAccess, World, new_world
from tests.brokers import RunningBroker
from tests.builders import RECEIPT_KEY, SOURCE
from tests.installation import install

AGENTS: Final = ("ingress", "processor", "delivery", "callback")
SESSION_TIMEOUT_SECONDS: Final = 6
DELAYS: Final = "1,4"
"""Of both families of retry tiers, in seconds."""
PARTITIONS: Final = 4
SETTLE_LIMIT_SECONDS: Final = 60.0
SECRETS: Final = {
    "ingress": ("SMSOUT_PEPPER", "SMSOUT_RECEIPT_KEY"),
    "delivery": ("SMSOUT_RECEIPT_KEY",),
    "message_log": ("SMSOUT_PEPPER",),
    "panel": ("SMSOUT_PEPPER", "SMSOUT_KEY_FILE"),
}
JSON_API: Final = "application/vnd.api+json"
LONG: Final = "0123456789" * 20
"""A text of two segments."""


class Sent(NamedTuple):
    """An accepted message."""

    id: str
    destination: str
    segments: int
    policy: InDoubtPolicy
    trunk: TrunkAccess


class NotAnswered(Exception):
    """A request that got no answer, or one that says that it may not have been accepted."""


class Arena:
    """See the module. `broker` runs; everything else is started here, with its files in `folder`."""

    def __init__(self, broker: RunningBroker, folder: Path) -> None:
        self.broker = broker
        self.folder = folder
        self.ledger_file = folder / "ledger.jsonl"
        self.key_file = folder / "password-keys"
        self.kafka = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
        self.retry = RetrySettings(callback_delays_seconds=DELAYS, mt_delays_seconds=DELAYS)
        self.topics = Topics(self.kafka, PARTITIONS, self.retry)
        self.processes: dict[str, AgentProcess] = {}
        self._wanted: dict[str, Life] = {}
        self._ports = {name: free_port() for name in ("ingress", "panel", "simulator")}
        self.ingress_url, self.panel_url, self.simulator_url = (f"http://127.0.0.1:{it}" for it in self._ports.values())
        self.world: World = new_world(self.simulator_url, self.key_file)
        self._numbers = itertools.count(1000)
        self._lives = itertools.count(1)

    async def start(self) -> Self:
        """Make topics and directory, and start the simulator."""
        self.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        self.processes["simulator"] = self._new_process("simulator", Life())
        await install(self.kafka, PARTITIONS, self.retry)
        await self.write_directory(*self.world.entries)
        self._producer = AIOKafkaProducer(**connection(self.kafka), client_id="arena", enable_idempotence=True)
        await start(self._producer, self.kafka)
        await self.topics.start()
        await self.processes["simulator"].ready(self.http)
        return self

    async def stop(self) -> None:
        """End everything that was started here."""
        await asyncio.gather(*(process.kill() for process in self.processes.values()))
        await self.topics.stop()
        await self._producer.stop()
        await self.http.close()

    # -- agents ------------------------------------------------------------------------------------------------------

    async def stand(self, **lives: Life) -> None:
        """See that the agents of `AGENTS`, and those named in `lives`, run as `lives` say (else plainly); no others.

        `delivery_1` is delivery's second process. Whatever runs already as it should goes on.
        """
        await self.stand_only({name: Life() for name in AGENTS} | lives)

    async def stand_only(self, lives: Mapping[str, Life]) -> None:
        """See that exactly the agents of `lives` run, as it says."""
        self._wanted = dict(lives)
        self.topics.receipts_are_read = any(name.startswith("receipts") for name in lives)
        ending = [
            name
            for name, process in self.processes.items()
            if name != "simulator" and not self._is_as_wanted(name, process)
        ]
        await asyncio.gather(*(self._end(self.processes[name]) for name in ending))
        for name in ending:
            del self.processes[name]
        await self.revive()
        await asyncio.gather(*(process.ready(self.http) for process in self.processes.values()))

    def _is_as_wanted(self, name: str, process: AgentProcess) -> bool:
        # What a variant does once it may have done in the test before.
        return process.life == self._wanted.get(name) and process.life.variant is None and process.exit_code is None

    async def _end(self, process: AgentProcess) -> None:
        if process.life.variant is None:
            await process.stop()
        else:
            await process.kill()  # a drain is nothing that a sabotaged one can be trusted with

    async def revive(self) -> None:
        """Start what should run and has ended, as a supervisor does."""
        for name, life in self._wanted.items():
            process = self.processes.get(name)
            if process is None:
                self.processes[name] = self._new_process(name, life)
            elif process.exit_code is not None:
                self.restart(name)

    def restart(self, name: str, failpoint: str | None = None) -> AgentProcess:
        """Start an agent that has ended again; its failpoint was for the life that is over, `failpoint` is the next."""
        life = self._wanted[name] = self._wanted[name].after_death(failpoint)
        process = self.processes[name] = self._new_process(name, life)
        return process

    def start_beside(self, name: str, life: Life) -> None:
        """Start one more process, and wait for nothing."""
        self._wanted[name] = life
        self.processes[name] = self._new_process(name, life)

    def forgive(self, name: str) -> None:
        """Let the next life of an agent be a plain one."""
        self._wanted[name] = Life()

    def dismiss(self, name: str) -> None:
        """Let an agent's end be final: nobody starts it again."""
        del self._wanted[name]

    async def died(self, name: str) -> None:
        """Wait until an agent has died of its failpoint."""
        code = await self.processes[name].ended()
        assert code == -9, f"{name} ended with {code}, not of its failpoint"

    def _new_process(self, name: str, life: Life) -> AgentProcess:
        agent = name.rstrip("0123456789").removesuffix("_")
        settings = {
            "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "SMSOUT_KAFKA_SESSION_TIMEOUT_SECONDS": str(SESSION_TIMEOUT_SECONDS),
            "SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS": DELAYS,
            "SMSOUT_RETRY_MT_DELAYS_SECONDS": DELAYS,
            "SMSOUT_CALLBACK_ALLOWED_ADDRESSES": "127.0.0.0/8",
            "SMSOUT_SIMULATOR_LEDGER_FILE": str(self.ledger_file),
            "SMSOUT_STATE_DIR": str(self.folder / "state"),
            "SMSOUT_DELIVERY_RECEIPT_BASE_URL": self.ingress_url,
        }
        if agent in self._ports:
            settings[f"SMSOUT_{agent.upper()}_PORT"] = str(self._ports[agent])
        secrets = {
            "SMSOUT_PEPPER": PEPPER,
            "SMSOUT_KEY_FILE": str(self.key_file),
            "SMSOUT_RECEIPT_KEY": RECEIPT_KEY.decode(),
        }
        settings |= {variable: secrets[variable] for variable in SECRETS.get(agent, ())}
        log_file = self.folder / f"{next(self._lives):03d}-{name}.log"
        return AgentProcess(agent, life, settings, log_file)

    # -- the directory, the customer, direct producers ---------------------------------------------------------------

    async def write_directory(self, *entries: DirectoryEntry) -> None:
        """Write configuration, as the panel would."""
        writer = await DirectoryWriter(self.kafka).start(take_over=False)
        try:
            await writer.write(*entries)
        finally:
            await writer.stop()

    def number(self, policy: InDoubtPolicy = InDoubtPolicy.RESEND_WITH_KEY) -> str:
        """Return a destination that nobody has used, at the carrier with this policy."""
        return f"{PREFIXES[policy]}555{next(self._numbers)}"

    def request(
        self, destination: str, text: str, *, key: str | None = None, trunk: TrunkAccess | None = None
    ) -> tuple[dict[str, str], bytes]:
        """Return headers and body of a request to send one message."""
        access = trunk or self.world.trunk
        headers = {
            "Content-Type": JSON_API,
            "Authorization": aiohttp.encode_basic_auth(access.username, access.password),
        }
        if key is not None:
            headers["Idempotency-Key"] = key
        attributes = {"destination": destination, "source": SOURCE, "content": text}
        document = {"data": {"type": "outbound_messages", "attributes": attributes}}
        return headers, json.dumps(document).encode()

    async def post(
        self, destination: str, text: str, *, key: str | None = None, trunk: TrunkAccess | None = None
    ) -> str:
        """Send one message over HTTP; return its id. Raises `NotAnswered`."""
        headers, document = self.request(destination, text, key=key, trunk=trunk)
        try:
            async with self.http.post(
                f"{self.ingress_url}/outbound_messages", data=document, headers=headers
            ) as answer:
                body = await answer.json(content_type=None)
                if answer.status == 503:
                    raise NotAnswered(str(body))
                assert answer.status == 201, body
                return str(body["data"]["id"])
        except (aiohttp.ClientError, OSError) as error:
            raise NotAnswered(repr(error)) from error

    async def send(
        self,
        policy: InDoubtPolicy = InDoubtPolicy.RESEND_WITH_KEY,
        text: str = "Hello",
        *,
        key: str | None = None,
        trunk: TrunkAccess | None = None,
        destination: str | None = None,
    ) -> Sent:
        """Send one message over HTTP, again and again until it is accepted."""
        destination = destination or self.number(policy)
        async with asyncio.timeout(60):
            while True:
                try:
                    message_id = await self.post(destination, text, key=key, trunk=trunk)
                    break
                except NotAnswered:
                    await self.revive()
                    await asyncio.sleep(0.1)
        return Sent(message_id, destination, 2 if text == LONG else 1, policy, trunk or self.world.trunk)

    async def produce(self, topic: str, value: bytes, *, key: bytes = b"", partition: int | None = None) -> Any:
        """Write a record as any program with a Kafka client can; return where it is."""
        return await self._producer.send_and_wait(topic, value, key=key, partition=partition)

    # -- the simulator -----------------------------------------------------------------------------------------------

    def ledger(self) -> list[dict[str, Any]]:
        """Return what the carriers have accepted, in order, from the disk."""
        if not self.ledger_file.exists():
            return []
        return [json.loads(line) for line in self.ledger_file.read_text().splitlines()]

    async def inbox(self, name: str = "main") -> list[dict[str, Any]]:
        """Return the callbacks that came to an inbox, in order."""
        async with self.http.get(f"{self.simulator_url}/inbox/{name}") as answer:
            return await answer.json() if answer.status == 200 else []

    @asynccontextmanager
    async def receipts_after(self, delay_ms: int) -> AsyncIterator[None]:
        """Let the carrier report so long after it has taken a segment."""
        address = f"{self.simulator_url}/receipts"
        async with self.http.put(address, json={"delay_ms": delay_ms}, raise_for_status=True):
            pass
        try:
            yield
        finally:
            async with self.http.put(address, json={}, raise_for_status=True):
                pass

    async def set_fault(self, target: str, **fault: object) -> None:
        """Let POSTs to `carrier` or `inbox/<name>` go wrong (docs/testing.md)."""
        async with self.http.put(f"{self.simulator_url}/faults/{target}", json=fault) as answer:
            assert answer.status < 300, await answer.text()

    async def clear_fault(self, target: str) -> None:
        """Let POSTs go well again."""
        async with self.http.delete(f"{self.simulator_url}/faults/{target}") as answer:
            assert answer.status < 300, await answer.text()

    # -- waiting -----------------------------------------------------------------------------------------------------

    async def settle(self, limit_seconds: float = SETTLE_LIMIT_SECONDS) -> list[str]:
        """Wait until every consumer has finished everything, reviving agents that end; return what is left over."""
        deadline = time.monotonic() + limit_seconds
        while unfinished := await self.topics.try_unfinished():
            if time.monotonic() > deadline:
                break
            await self.revive()
            await asyncio.sleep(0.1)
        return unfinished

    async def until(self, what: str, condition: Any, limit_seconds: float = 60.0) -> None:
        """Wait for a condition, a function without arguments; what it is waited for is said when it does not come."""
        deadline = time.monotonic() + limit_seconds
        while not condition():
            assert time.monotonic() < deadline, f"waited {limit_seconds:g} s for {what}"
            await asyncio.sleep(0.02)


def destinations_of(sent: Sequence[Sent]) -> Mapping[str, Sent]:
    """Return messages by their destinations, of which each has its own."""
    return {it.destination: it for it in sent}
