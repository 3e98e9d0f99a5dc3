"""The server around every door, over real sockets: ends, heads, places, and clients that do not read."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from agents.serving import lingering, protocol
from agents.serving.connections import Connections
from agents.serving.parser import MAX_HEAD_BYTES, MAX_HEADER_BYTES, MAX_HEADERS, MAX_TARGET_BYTES
from agents.serving.protocol import MAX_TURNED_AWAY, AppRunner, Server
from pipeline.http.client_address import Networks
from tests.fakes.web_server import serving_on_a_port
from tests.unit.agents.ingress.harness import Answered, read_answer

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PATIENCE_SECONDS = 20.0


@dataclass
class Site:
    """A server whose handler answers with the request's body, those for /slow when `go` is set."""

    port: int = 0
    connections: Connections = field(default_factory=lambda: Connections("test", 100, 100))
    go: asyncio.Event = field(default_factory=asyncio.Event)
    begun: int = 0
    unfinished: int = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.begun += 1
        try:
            body = await request.read()
        except ConnectionError:
            self.unfinished += 1
            return web.Response(status=400, text="unfinished")
        if request.path == "/slow":
            await self.go.wait()
        if request.path == "/large":
            body = b"x" * 20_000_000
        return web.Response(body=body)

    async def connect(self, address: str = "127.0.0.1") -> Streams:
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0))

    async def ask(self, raw: bytes) -> Answered:
        reader, writer = await self.connect()
        try:
            writer.write(raw)
            return await answer(reader)
        finally:
            writer.close()

    async def until(self, connections: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.connections) != connections:
                await asyncio.sleep(0.01)

    async def until_begun(self, requests: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.begun != requests:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(connections: Connections | None = None) -> AsyncIterator[Site]:
    site = Site() if connections is None else Site(connections=connections)
    runner = web.ServerRunner(Server(site.handle, site.connections), handle_signals=False, shutdown_timeout=1)
    async with serving_on_a_port(runner) as site.port:
        try:
            yield site
        finally:
            site.go.set()
    await site.until(0)
    await asyncio.sleep(0.05)


async def answer(reader: asyncio.StreamReader) -> Answered:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await read_answer(reader)


async def ended(reader: asyncio.StreamReader) -> bool:
    """Read to the end; a reset is an end, too."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await reader.read(65_536):
                pass
    except ConnectionError:
        pass
    return True


def request(path: str = "/", body: bytes = b"", **headers: str) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


# A client that closes its side.


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_client_that_has_closed_its_side_gets_its_answer(at_once: bool) -> None:
    """Whether its end comes with the request or while it is worked on; then the connection ends, cleanly."""
    async with serving() as site:
        reader, writer = await site.connect()
        writer.write(request("/slow", b"hello"))
        if not at_once:
            await site.until_begun(1)
        writer.write_eof()
        await site.until_begun(1)
        await asyncio.sleep(0.05)
        site.go.set()
        found = await answer(reader)
        assert (found.status, found.body, found.headers["connection"]) == (200, b"hello", "close")
        assert await reader.read() == b""
        await site.until(0)
        writer.close()


async def test_so_do_requests_that_wait_in_line() -> None:
    """All that have come, in order; only the last one says that it is the last."""
    async with serving() as site:
        reader, writer = await site.connect()
        writer.write(request("/slow", b"1") + request(body=b"2") + request(body=b"3"))
        writer.write_eof()
        await site.until_begun(1)
        site.go.set()
        found = [await answer(reader) for _ in range(3)]
        assert [(it.status, it.body) for it in found] == [(200, b"1"), (200, b"2"), (200, b"3")]
        assert [it.headers.get("connection") for it in found] == [None, None, "close"]
        assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize("before", [b"", request(body=b"1"), b"POST / HTT", request(body=b"1") + b"POST /"])
async def test_without_a_request_its_end_is_the_end(before: bytes) -> None:
    """Nothing is waited for."""
    async with serving() as site:
        reader, writer = await site.connect()
        writer.write(before)
        if before.endswith(b"1"):
            await answer(reader)
        await site.until_begun(before.count(b"Host"))
        await asyncio.sleep(0.05)
        writer.write_eof()
        await ended(reader)
        await site.until(0)
        writer.close()


async def test_half_a_request_and_an_end_is_told() -> None:
    """Its body will never come, so it is not waited for."""
    async with serving() as site:
        reader, writer = await site.connect()
        writer.write(request(body=b"hello")[:-2])
        await site.until_begun(1)
        writer.write_eof()
        found = await answer(reader)
        assert (found.status, found.body, site.unfinished) == (400, b"unfinished", 1)
        assert await reader.read() == b""
        writer.close()


async def test_an_end_while_the_answer_is_written_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes too late to be told in the head."""
    monkeypatch.setattr(protocol, "_LOOK_AGAIN_SECONDS", 0.05)
    async with serving() as site:
        reader, writer = await site.connect()
        writer.write(request("/large"))
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write_eof()
        await asyncio.sleep(0.1)
        assert b"Content-Length: 20000000" in head
        assert len(await reader.readexactly(20_000_000)) == 20_000_000
        assert await ended(reader)
        writer.close()


# Heads.

LINE = b"a: %b\r\n" % (b"b" * MAX_HEADER_BYTES)
HEADS = [
    pytest.param(b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * (MAX_TARGET_BYTES - 1)), 200, id="long target"),
    pytest.param(b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * MAX_TARGET_BYTES), 414, id="target too long"),
    pytest.param(b"GET /%b" % (b"a" * 200_000), 414, id="target without an end"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n" % LINE, 200, id="long header"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n%bb\r\n\r\n" % LINE[:-2], 431, id="header too long"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\na: %b" % (b"b" * 200_000), 431, id="header without an end"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n%b" % (b"a" * 200_000), 431, id="name without an end"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n" % (b"a: b\r\n" * (MAX_HEADERS - 1)), 200, id="many headers"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n" % (b"a: b\r\n" * MAX_HEADERS), 431, id="too many headers"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n" % (LINE * 3), 200, id="large head"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n" % (LINE * 5), 431, id="head too large"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n%b" % (LINE * 50), 431, id="head without an end"),
]


@pytest.mark.parametrize(("raw", "status"), HEADS)
@pytest.mark.parametrize("pieces", [1, 20])
async def test_a_head_that_is_too_large_is_named(raw: bytes, status: int, pieces: int) -> None:
    """414 is about the target, 431 about all else; in one piece or in many, and the client gets to read it."""
    async with serving() as site:
        reader, writer = await site.connect()
        size = len(raw) // pieces + 1
        for at in range(0, len(raw), size):
            writer.write(raw[at : at + size])
            await asyncio.sleep(0.002)
        found = await answer(reader)
        assert found.status == status
        if status != 200:
            (error,) = found.json["errors"]
            assert (error["status"], found.headers["connection"]) == (str(status), "close")
            assert str(MAX_TARGET_BYTES if status == 414 else MAX_HEAD_BYTES) in error["detail"]
        writer.transport.abort()


async def test_a_body_is_no_head() -> None:
    """However large, and in however many pieces, also one after the other."""
    async with serving() as site:
        reader, writer = await site.connect()
        body = b"x" * 300_000
        for _ in range(2):
            for piece in (request(body=body)[:50], request(body=body)[50:100_000], request(body=body)[100_000:]):
                writer.write(piece)
                await asyncio.sleep(0.01)
            assert (await answer(reader)).body == body
        writer.close()


# Places.


async def test_idle_connections_make_room() -> None:
    """Whoever only holds a connection open loses it to somebody with a request, the unused ones first."""
    async with serving(Connections("room", 3, 3)) as site:
        used_reader, used = await site.connect()
        used.write(request(body=b"1"))
        await answer(used_reader)
        idle = [await site.connect() for _ in range(2)]
        await site.until(3)
        assert (await site.ask(request(body=b"2"))).body == b"2"
        assert await ended(idle[0][0])
        used.write(request(body=b"3"))
        assert (await answer(used_reader)).body == b"3"
        for _, writer in (*idle, (used_reader, used)):
            writer.close()


@pytest.mark.parametrize(
    ("limit", "of_address", "status", "detail"),
    [(2, 9, 503, "too many connections"), (9, 2, 429, "too many connections from this address")],
)
async def test_when_all_are_at_work_the_next_is_turned_away(
    limit: int, of_address: int, status: int, detail: str
) -> None:
    """With an answer in the usual shape that says when to come again; when there is room it gets in."""
    async with serving(Connections("work", limit, of_address)) as site:
        working = [await site.connect() for _ in range(2)]
        for _, writer in working:
            writer.write(request("/slow"))
        await site.until_begun(2)
        found = await site.ask(request())
        assert (found.status, found.details) == (status, [detail])
        assert (found.headers["connection"], found.headers["retry-after"]) == ("close", "5")
        assert (site.begun, len(site.connections)) == (2, 2)
        site.go.set()
        for reader, writer in working:
            assert (await answer(reader)).status == 200
            writer.close()
        await site.until(0)
        assert (await site.ask(request())).status == 200


async def test_an_address_has_places_of_its_own() -> None:
    """One that holds all of its own keeps nobody else out; a trusted proxy may hold more."""
    async with serving(Connections("own", 100, 2, Networks(["127.0.0.3"]))) as site:
        everybody = [await site.connect(f"127.0.0.{n}") for n in (2, 2, 1, 3, 3, 3)]
        for _, writer in everybody:
            writer.write(request("/slow"))
        await site.until_begun(6)
        refused, _ = greedy = await site.connect("127.0.0.2")
        assert (await answer(refused)).status == 429
        assert (await site.ask(request())).status == 200
        for _, writer in (*everybody, greedy):
            writer.close()


async def test_those_that_are_turned_away_take_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many linger for their answer; all end soon, whether they go by themselves or not."""
    monkeypatch.setattr(lingering, "SECONDS", 0.3)
    async with serving(Connections("away", 1, 1)) as site:
        _, working = await site.connect()
        working.write(request("/slow"))
        await site.until_begun(1)
        turned_away = [await site.connect() for _ in range(MAX_TURNED_AWAY + 10)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while site.connections.turned_away != MAX_TURNED_AWAY:
                await asyncio.sleep(0.005)
        for reader, _ in turned_away:
            assert await ended(reader)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while site.connections.turned_away:
                await asyncio.sleep(0.01)
        for _, writer in turned_away:
            writer.close()
        working.close()


# Clients that do not read.


async def test_a_client_that_does_not_read_its_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hold memory and a file for as long as it likes."""
    monkeypatch.setattr(protocol, "STALLED_SECONDS", 0.2)
    async with serving() as site:
        with socket.create_connection(("127.0.0.1", site.port)) as deaf:
            deaf.setblocking(False)
            deaf.sendall(request("/large"))
            await site.until(1)
            await site.until(0)
            await site.until_begun(1)


# Applications.


async def test_an_application_stands_in_the_same_server() -> None:
    """The panel's and the health server's."""

    async def hello(_: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    connections = Connections("application", 1, 1)
    runner = AppRunner(app, connections, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site = Site(runner.addresses[0][1], connections)
    try:
        reader, writer = await site.connect()
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        writer.write_eof()
        assert (await answer(reader)).body == b"hello"
        writer.close()
        await site.until(0)
        found = await site.ask(b"GET /%b" % (b"a" * 9000))
        assert (found.status, found.headers["content-type"]) == (414, "application/vnd.api+json")
    finally:
        await runner.cleanup()
