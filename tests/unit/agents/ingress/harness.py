"""A door on a free port of 127.0.0.1, with a producer that the test holds in its hand, and raw HTTP to knock with."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from agents.ingress.app import HttpApi
from agents.ingress.cancellations import Canceller
from agents.ingress.keyed import KeyedSubmitter
from agents.ingress.receipts.door import ReceiptDoor
from agents.ingress.server import listen
from agents.ingress.submit import Submitter
from agents.ingress.writing import RecordWriter
from agents.serving.authentication import Authenticator
from pipeline.carriers.profiles.book import ProfileBook
from pipeline.directory.model import Directory
from pipeline.errors import StateLost
from pipeline.http.client_address import Networks
from pipeline.idempotency.keys import Keyed, Verdict
from pipeline.idempotency.store import ClaimStore
from pipeline.limits.living import Living
from pipeline.limits.requests import RequestRates
from pipeline.settings import IngressSettings
from pipeline.tracing.spans import UNTRACED, Tracing
from schemas.directory.carrier import Profile
from schemas.directory.entry import DirectoryEntry
from schemas.directory.trunk import Trunk
from tests.builders import PEPPER, RECEIPT_KEY, carrier, directory_of, trunk_with_password
from tests.fakes.clock import Clock
from tests.fakes.producer import ProducerInMemory

JSON_API = "application/vnd.api+json"
PATIENCE_SECONDS = 60.0  # for an answer: long enough for any machine, short enough for a test that would hang


class ClaimsInMemory:
    """Reads what the producer has written into a real store. `blind` keeps it from reading, `lost` from all."""

    def __init__(self, producer: ProducerInMemory) -> None:
        self.store = ClaimStore(None)
        self.now_ms = 1_000_000_000
        self.blind = self.lost = False
        self._producer = producer

    def known(self, name: bytes, digest: bytes) -> Verdict | None:
        if self.lost:
            raise StateLost("the disk is full")
        claim = self.store.latest(name)
        return claim.verdict(digest, self.now_ms) if claim is not None and claim.is_alive(self.now_ms) else None

    def judge(self, keyed: Keyed) -> Verdict:
        verdict = self.store.judge(keyed._replace(at_ms=self.now_ms))
        assert verdict is not None
        return verdict

    async def catch_up(self, targets: Mapping[int, int]) -> None:
        while self.blind:
            await asyncio.sleep(0.01)
        for partition, end in targets.items():
            for offset, record in enumerate(self._producer.of_partition(partition)[:end]):
                self.store.apply(partition, offset, self.now_ms, record.value)


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@dataclass
class Answered:
    """An answer as it came over the wire; header names in lower case."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def details(self) -> list[str]:
        return [error["detail"] for error in self.json["errors"]]


@dataclass
class Knocker:
    """Sends requests to a port, by default as a well-behaved client with the trunk's credentials."""

    port: int
    authorization: str

    async def send(self, raw: bytes) -> Answered:
        """Send `raw` on a connection of its own and read one answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await read_answer(reader, has_body=not raw.startswith(b"HEAD "))
        finally:
            writer.close()
            await writer.wait_closed()

    async def post(self, body: Any, path: str = "/outbound_messages", **headers: str | None) -> Answered:
        """POST `body`; a keyword argument is a header (underscores are hyphens), None leaves it out."""
        return await self.send(self.request(body, path, "POST", **headers))

    def request(
        self, body: Any, path: str = "/outbound_messages", method: str = "POST", **headers: str | None
    ) -> bytes:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields: dict[str, str | None] = {
            "host": "sms-out.example",
            "content-type": JSON_API,
            "authorization": self.authorization,
            "content-length": str(len(content)),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
        return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode() + content


async def read_answer(reader: asyncio.StreamReader, *, has_body: bool = True) -> Answered:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    _, status, reason = head[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0))) if has_body else b""
    return Answered(int(status), reason, headers, body)


def single(**attributes: Any) -> dict[str, Any]:
    """A proper request for one message, with changed attributes; None removes one."""
    values = {"destination": "15551234567", "source": "12125551234", "content": "Hello World!", **attributes}
    present = {name: value for name, value in values.items() if value is not None}
    return {"data": {"type": "outbound_messages", "attributes": present}}


def asked(**attributes: Any) -> dict[str, Any]:
    """The same for a preview."""
    document = single(**attributes)
    document["data"]["type"] = "outbound_message_previews"
    return document


def bulk(**attributes: Any) -> dict[str, Any]:
    """The same for several."""
    document = single(**{"destination": ["15551234567", "15551234568"], **attributes})
    document["data"]["type"] = "bulk_outbound_messages"
    return document


@dataclass
class OpenDoor(Knocker):
    """A door that is open, and all that a test may want to turn."""

    producer: ProducerInMemory
    claims: ClaimsInMemory
    directory: Directory
    submitter: Submitter
    clock: Clock
    api: HttpApi
    trunk: Trunk
    password: str
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def open_door(
    trunk_changes: dict[str, Any] | None = None,
    *,
    max_segments: int = 10,
    entries: Sequence[DirectoryEntry] = (),
    tracing: Tracing = UNTRACED,
    **settings: Any,
) -> AsyncIterator[OpenDoor]:
    """Open a door with one trunk in its directory, the same for every door."""
    producer, clock, stopping = ProducerInMemory(), Clock(), asyncio.Event()
    trunk, password = trunk_with_password(**(trunk_changes or {}))
    directory = directory_of(trunk, carrier(), *entries)
    options = IngressSettings(**{"host": "127.0.0.1", "port": 0, **settings})
    submitter = Submitter(producer, options.acknowledge_timeout_seconds, clock)
    trusted = Networks(options.trusted_proxies)
    authenticator = Authenticator(directory, PEPPER, trusted)
    claims = ClaimsInMemory(producer)
    keyed = KeyedSubmitter(submitter, claims, options.acknowledge_timeout_seconds)
    writer = RecordWriter(producer, options.acknowledge_timeout_seconds, "receipt")
    canceling = RecordWriter(producer, options.acknowledge_timeout_seconds, "cancel")
    profiles = ProfileBook(partial(directory.get, Profile))
    receipts = ReceiptDoor(options, RECEIPT_KEY, directory, profiles, writer)
    rates = RequestRates(directory, Living("0" * 32, clock), clock)
    clock.now += 10  # the process has been there for a while
    api = HttpApi(
        options, authenticator, submitter, keyed, receipts, Canceller(canceling), directory, rates,
        alphabets_of=profiles.national_alphabets, max_segments=max_segments, stopping=stopping, tracing=tracing,
    )  # fmt: skip
    running = asyncio.gather(submitter.run(), writer.run(), canceling.run())
    runner = await listen(api, options, trusted, drain_timeout_seconds=5)
    port = runner.addresses[0][1]
    authorization = basic(trunk.credentials[0].username, password)
    try:
        yield OpenDoor(
            port, authorization, producer, claims, directory, submitter, clock, api, trunk, password, stopping
        )
    finally:
        producer.speak()
        await runner.cleanup()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        claims.store.close()
