"""The posting client against real local servers: what a failure means, and where connections may go."""

import asyncio
import gzip
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pipeline.errors import AddressNotAllowed, InDoubt, NotSent
from pipeline.http import client as http_poster
from pipeline.http import pinning
from pipeline.http.addresses import Address, AddressGuard
from pipeline.http.client import Answer, HttpPoster
from pipeline.http.pinning import resolve_by_system

BODY = b'{"data": 1}'
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Server:
    """A listener that keeps what it was sent and behaves as told after each complete request."""

    def __init__(self, behave: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.port = 0
        self._behave = behave

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head + await reader.readexactly(len(BODY)))
                await self._behave(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def listening(
    behave: Callable[[asyncio.StreamWriter], Awaitable[None]],
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Server]:
    server = Server(behave)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(server.serve(reader, writer)))

    listener = await asyncio.start_server(connected, host, port, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await asyncio.sleep(0)  # a connection that has just been accepted still becomes a task
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def posting(
    guard: AddressGuard | None = None,
    resolve: pinning.Resolve = resolve_by_system,
    *,
    timeout: float = 5.0,
    max_connections: int = 8,
) -> AsyncIterator[HttpPoster]:
    poster = HttpPoster(
        timeout_seconds=timeout,
        connect_timeout_seconds=min(timeout, 1.0),
        max_answer_bytes=1000,
        max_connections=max_connections,
        guard=guard,
        resolve=resolve,
    )
    try:
        yield poster
    finally:
        await poster.close()


def answering(data: bytes) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return behave


def answering_and_closing(data: bytes) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()

    return behave


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang(_: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def resolving_to(*addresses: str) -> pinning.Resolve:
    async def resolve(_host: str, _port: int) -> Sequence[Address]:
        return [ip_address(address) for address in addresses]

    return resolve


# What a failure means.


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        pytest.param(close, "closed by the other side", id="closed-after-reading"),
        pytest.param(reset, "Connection reset by peer", id="reset-after-reading"),
        pytest.param(hang, "no answer in time", id="no-answer-in-time"),
        pytest.param(answering_and_closing(b"SSH-2.0-x\r\n\r\n"), "not an HTTP answer", id="not-http"),
        pytest.param(
            answering_and_closing(b"HTTP/1.1 200 OK\r\nConte"), "closed by the other side", id="head-cut-short"
        ),
    ],
)
async def test_a_request_that_was_read_and_not_answered_is_in_doubt(
    behave: Callable[[asyncio.StreamWriter], Awaitable[None]], words: str
) -> None:
    """The server has the whole request, so nobody may say that it was not sent; and it has it once."""
    async with listening(behave) as server, posting(timeout=0.4) as poster:
        with pytest.raises(InDoubt, match=words):
            await poster.post(f"http://127.0.0.1:{server.port}/hook?token=secret", {}, BODY)
    assert len(server.requests) == 1


async def test_a_reused_connection_that_closes_is_in_doubt_and_not_sent_again() -> None:
    """The second request on a kept-alive connection is read and dropped: one copy of it, and no quiet retry."""
    behaviours = iter([answering(OK), close])

    async def behave(writer: asyncio.StreamWriter) -> None:
        await next(behaviours)(writer)

    async with listening(behave) as server, posting() as poster:
        url = f"http://127.0.0.1:{server.port}/"
        assert await poster.post(url, {"n": "1"}, BODY) == Answer(200, b"ok", None)
        with pytest.raises(InDoubt):
            await poster.post(url, {"n": "2"}, BODY)
    assert (server.connections, len(server.requests)) == (1, 2)


async def test_an_idle_connection_that_was_closed_is_replaced() -> None:
    """The other side closed it between two requests: the second goes over a new one, once."""
    async with listening(answering_and_closing(OK)) as server, posting() as poster:
        url = f"http://127.0.0.1:{server.port}/"
        first = await poster.post(url, {}, BODY)
        await asyncio.sleep(0.05)  # the client's own thread has to notice that the connection has ended
        assert [first, await poster.post(url, {}, BODY)] == [Answer(200, b"ok", None)] * 2
    assert (server.connections, len(server.requests)) == (2, 2)


async def test_a_port_where_nobody_listens_is_not_sent() -> None:
    """No connection, no byte."""
    async with posting() as poster:
        with pytest.raises(NotSent, match="Connection refused"):
            await poster.post(f"http://127.0.0.1:{closed_port()}/", {}, BODY)


async def test_a_name_that_does_not_exist_is_not_sent() -> None:
    """`.invalid` never exists (RFC 2606), with the client's resolution and with ours."""
    for guard in (None, AddressGuard()):
        async with posting(guard) as poster:
            with pytest.raises(NotSent):
                await poster.post("http://nobody.invalid/", {}, BODY)


async def test_a_connection_that_is_not_made_in_time_is_not_sent() -> None:
    """A full accept queue lets nobody in: the time-out of connecting is not that of an answer."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        poster = HttpPoster(
            timeout_seconds=5, connect_timeout_seconds=0.2, max_answer_bytes=10, max_connections=1
        )  # fmt: skip
        with pytest.raises(NotSent, match="could not connect within"):
            await poster.post(f"http://127.0.0.1:{full.getsockname()[1]}/", {}, BODY)
        await poster.close()
        for one in waiting:
            one.close()


async def test_a_failed_tls_handshake_is_not_sent() -> None:
    """Without a session no request is written."""
    async with listening(close) as server, posting() as poster:
        with pytest.raises(NotSent, match=r"could not connect|TLS"):
            await poster.post(f"https://127.0.0.1:{server.port}/", {}, BODY)
    assert server.requests == []


async def test_waiting_for_a_free_connection_is_not_sent() -> None:
    """More POSTs than `max_connections` wait, and give up without having been begun, before the first one's end."""
    async with listening(hang) as server, posting(timeout=1.3, max_connections=1) as poster:
        url = f"http://127.0.0.1:{server.port}/"
        outcomes = await asyncio.gather(*(poster.post(url, {}, BODY) for _ in range(2)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["InDoubt", "NotSent"]
    assert len(server.requests) == 1


async def test_no_error_tells_the_urls_path_or_query() -> None:
    """Errors are logged; a customer's URL may carry a secret."""
    async with listening(close) as server, posting() as poster:
        for port in (server.port, closed_port()):
            with pytest.raises((InDoubt, NotSent)) as caught:
                await poster.post(f"http://127.0.0.1:{port}/path-secret?query-secret", {}, BODY)
            assert "secret" not in str(caught.value)


# Answers.


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (OK, Answer(200, b"ok", None)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204, b"", None)),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", Answer(200, b"until the end", None)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", Answer(200, b"ok", None)),
        (b"HTTP/1.1 503 No\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n", Answer(503, b"", "17")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000, Answer(200, b"x" * 1000, None)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + b"x" * 1000, Answer(200, b"x" * 1000, None)),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, Answer(200, b"ok", None)),
    ],
)
async def test_what_is_made_of_an_answer(data: bytes, expected: Answer) -> None:
    """Status, body up to the limit, Retry-After; what is beyond the limit may be missing or broken."""
    async with listening(answering_and_closing(data)) as server, posting() as poster:
        assert await poster.post(f"http://127.0.0.1:{server.port}/", {}, BODY) == expected


async def test_an_endless_answer_is_cut_and_its_connection_dropped() -> None:
    """A server that would send for ever is left after `max_answer_bytes`."""
    ended = asyncio.Event()

    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000000\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        finally:
            ended.set()

    async with listening(endless) as server, posting() as poster:
        answer = await poster.post(f"http://127.0.0.1:{server.port}/", {}, BODY)
        async with asyncio.timeout(5):
            await ended.wait()
    assert (answer.status, len(answer.body)) == (200, 1000)


HEAD = b"HTTP/1.1 202 Accepted\r\nRetry-After: 3\r\n"


@pytest.mark.parametrize("body", [b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"])
@pytest.mark.parametrize(
    ("end", "words"),
    [(hang, "no answer in time"), (close, "closed by the other side"), (reset, "Connection reset by peer")],
)
async def test_a_head_that_came_in_time_is_an_answer_whose_body_was_cut_short(
    end: Callable[[asyncio.StreamWriter], Awaitable[None]], words: str, body: bytes
) -> None:
    """The time-out is for the whole answer; what has come of it by then is not thrown away."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        await answering(HEAD + body)(writer)
        await asyncio.sleep(0.05)  # a reset would overtake what has just been written
        await end(writer)

    async with listening(behave) as server, posting(timeout=0.3) as poster:
        answer = await poster.post(f"http://127.0.0.1:{server.port}/", {}, BODY)
        assert answer[:3] == (202, b"abc", "3")
        assert words in (answer.cut_short or "")
        assert poster._idle == {}


@pytest.mark.parametrize(
    "broken", [b"zz\r\nabc", b"3\r\nabcd\r\n", b"-1\r\n", b"3\nabc\n0\n\n", b"3\r\nabc\r\n0\r\n: \r\n"]
)
async def test_a_head_that_came_in_time_is_an_answer_although_its_body_is_no_http(broken: bytes) -> None:
    """The connection ends with it."""
    async with (
        listening(answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + broken)) as server,
        posting() as poster,
    ):
        answer = await poster.post(f"http://127.0.0.1:{server.port}/", {}, BODY)
        assert (answer.status, answer.retry_after) == (202, "3")
        assert "not an HTTP answer" in (answer.cut_short or "")
        assert poster._idle == {}


async def test_a_compressed_answer_is_not_unpacked() -> None:
    """A few kilobytes must not become gigabytes in our memory."""
    packed = gzip.compress(b"0" * 100_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    async with listening(answering(head + packed)) as server, posting() as poster:
        answer = await poster.post(f"http://127.0.0.1:{server.port}/", {}, BODY)
    assert answer.body == packed
    assert b"accept-encoding" not in server.requests[0].lower()


async def test_cookies_are_not_kept_and_a_proxy_of_the_environment_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing of one answer or of the machine's settings travels with the next request."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    data = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n"
    async with listening(answering(data)) as server, posting() as poster:
        for _ in range(2):
            await poster.post(f"http://127.0.0.1:{server.port}/", {}, BODY)
    assert [b"cookie" in request.lower() for request in server.requests] == [False, False]


async def test_a_redirect_is_an_answer() -> None:
    """It is not followed, whatever its kind: the place it names sees no connection."""
    async with listening(answering(OK)) as elsewhere, posting() as poster:
        for status in (301, 302, 303, 307, 308):
            data = (
                f"HTTP/1.1 {status} Go\r\nLocation: http://127.0.0.1:{elsewhere.port}/\r\nContent-Length: 0\r\n\r\n"
            ).encode()
            async with listening(answering(data)) as server:
                assert (await poster.post(f"http://127.0.0.1:{server.port}/", {}, BODY)).status == status
    assert elsewhere.connections == 0


async def test_the_request_is_as_given() -> None:
    """POST, path and query, the headers, one Host, the body."""
    async with listening(answering(OK)) as server, posting() as poster:
        await poster.post(f"http://127.0.0.1:{server.port}/a/b?c=d", {"webhook-id": "1"}, BODY)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /a/b?c=d HTTP/1.1"
    assert [line for line in lines if line.lower().startswith(("host:", "webhook-id:"))] == [
        f"Host: 127.0.0.1:{server.port}",
        "webhook-id: 1",
    ]
    assert body == BODY


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://127.0.0.1/", "file:///etc/passwd", "http://", "http://a b/"])
async def test_what_is_no_http_url_is_not_allowed(url: str) -> None:
    """With and without a guard."""
    for guard in (None, AddressGuard()):
        async with posting(guard) as poster:
            with pytest.raises(AddressNotAllowed):
                await poster.post(url, {}, BODY)


# Connections.


async def test_one_connection_serves_many_requests() -> None:
    """Making one costs more than a request."""
    async with listening(answering(OK)) as server, posting() as poster:
        for _ in range(5):
            await poster.post(f"http://127.0.0.1:{server.port}/", {}, BODY)
    assert (server.connections, len(server.requests)) == (1, 5)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", id="http-1.0"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", id="said-so"),
        pytest.param(OK + b"HTTP/1.1 200 OK\r\n", id="more-than-asked-for"),
        pytest.param(OK + OK, id="two-answers"),
        pytest.param(OK + b"\x00garbage", id="garbage-behind-it"),
    ],
)
async def test_a_connection_that_cannot_be_trusted_any_more_is_not_used_again(data: bytes) -> None:
    """What came too much would be taken for the answer to the next request."""
    async with listening(answering(data)) as server, posting() as poster:
        url = f"http://127.0.0.1:{server.port}/"
        assert [await poster.post(url, {}, BODY) for _ in range(2)] == [Answer(200, b"ok", None)] * 2
    assert server.connections == 2


async def test_what_comes_while_nobody_waits_ends_the_connection() -> None:
    """An answer without a question, as some servers send when they time out."""
    told = asyncio.Event()

    async def behave(writer: asyncio.StreamWriter) -> None:
        await answering(OK)(writer)
        await told.wait()
        await answering(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")(writer)

    async with listening(behave) as server, posting() as poster:
        url = f"http://127.0.0.1:{server.port}/"
        assert (await poster.post(url, {}, BODY)).status == 200
        told.set()
        await asyncio.sleep(0.05)
        assert (await poster.post(url, {}, BODY)).status == 200
    assert server.connections == 2


async def test_idle_connections_are_closed_before_a_server_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks for a while: the connection is given back."""
    monkeypatch.setattr(http_poster, "IDLE_SECONDS", 0.02)
    async with listening(answering(OK)) as server, posting() as poster:
        await poster.post(f"http://127.0.0.1:{server.port}/", {}, BODY)
        async with asyncio.timeout(2):
            while poster._open:  # a timer closes it
                await asyncio.sleep(0.01)
        assert poster._idle == {}


async def test_a_caller_that_is_cancelled_takes_its_connection_along() -> None:
    """Its answer may still come, and must not be the next caller's."""
    behaviours = iter([hang, answering(OK)])

    async def behave(writer: asyncio.StreamWriter) -> None:
        await next(behaviours)(writer)

    async with listening(behave) as server, posting(max_connections=1) as poster:
        url = f"http://127.0.0.1:{server.port}/"
        caller = asyncio.create_task(poster.post(url, {}, BODY))
        while not server.requests:  # the server has no event for it
            await asyncio.sleep(0.01)
        caller.cancel()
        with suppress(asyncio.CancelledError):
            await caller
        assert (await poster.post(url, {}, BODY)).status == 200
    assert server.connections == 2


async def test_a_head_without_end_is_cut_off() -> None:
    """Interim answers or headers without number must not fill the memory."""
    for line in (b"HTTP/1.1 100 Continue\r\n\r\n", b"X-More: " + b"x" * 1000 + b"\r\n"):

        async def behave(writer: asyncio.StreamWriter, line: bytes = line) -> None:
            if line.startswith(b"X"):
                writer.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                writer.write(line * 10)
                await writer.drain()

        async with listening(behave) as server, posting() as poster:
            with pytest.raises(InDoubt, match="head is too large"):
                await poster.post(f"http://127.0.0.1:{server.port}/", {}, BODY)


async def test_an_upgrade_is_an_answer_and_the_end_of_the_connection() -> None:
    """Whatever would come next is not HTTP."""
    data = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nbytes"
    async with listening(answering(data)) as server, posting() as poster:
        for _ in range(2):
            assert (await poster.post(f"http://127.0.0.1:{server.port}/", {}, BODY)).status == 101
    assert server.connections == 2


async def test_a_header_with_a_line_break_is_not_sent() -> None:
    """It would be another header, or another request."""
    async with listening(answering(OK)) as server, posting() as poster:
        with pytest.raises(ValueError, match="line break"):
            await poster.post(f"http://127.0.0.1:{server.port}/", {"a": "b\r\nc: d"}, BODY)
    assert server.connections == 0


async def test_turns_are_taken_in_order_and_given_back() -> None:
    """More POSTs than connections: each gets its turn, also after one has failed."""
    order: list[int] = []
    async with listening(answering(OK)) as server, posting(max_connections=2) as poster:

        async def post(n: int) -> None:
            url = f"http://127.0.0.1:{server.port if n else closed_port()}/"
            with suppress(NotSent):
                await poster.post(url, {}, BODY)
            order.append(n)

        await asyncio.gather(*(post(n) for n in range(9)))
        assert (sorted(order), poster._free) == (list(range(9)), 2)
    assert server.connections <= 2


# Where connections may go (server-side request forgery). {port} is a listener's on 127.0.0.1 and ::1.

LOOPBACK_IN_OTHER_WORDS = [
    "http://127.0.0.1:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:7f00:0001]:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
]
# Some resolvers and parsers would read an address into these; here they are no URLs at all, guard or not.
READ_BY_NOBODY = [
    "http://127.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://2130706433:{port}/",
    "http://017700000001:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.0x1:{port}/",
    "http://0177.0.0.01:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://１２７.0.0.1:{port}/",
    "http://127。0。0。1:{port}/",
    "http:127.0.0.1:{port}",
    "http:\\\\127.0.0.1:{port}\\",
    "  http://127.0.0.1:{port}/",
    "ht\ntp://127.0\t.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.org/",
    "http://0:{port}/",
    "http://ⓛocalhost:{port}/",
    "http://%6c%6f%63alhost:{port}/",
    "http://user@127.0.0.1:{port}/",
    "http://user:password@localhost:{port}/",
    "http://example.org@127.0.0.1:{port}/",
]
OTHERS_THAT_MUST_NOT_CONNECT = [
    "https://127.0.0.1:{port}/",
    "https://localhost:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[64:ff9b:1::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2001:0:7f00:1::]:{port}/",
    "http://[fe80::1]:{port}/",
    "http://127.0.0.53:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1:{port}/",
]


@asynccontextmanager
async def listening_on_loopback() -> AsyncIterator[Server]:
    async with listening(answering(OK)) as server, listening(answering(OK), "::1", server.port) as six:
        yield server
        server.connections += six.connections


@pytest.mark.parametrize("url", LOOPBACK_IN_OTHER_WORDS + READ_BY_NOBODY + OTHERS_THAT_MUST_NOT_CONNECT)
async def test_no_spelling_of_an_internal_address_connects(url: str) -> None:
    """The guard refuses, and the listener on that port has seen no connection."""
    async with listening_on_loopback() as server, posting(AddressGuard()) as poster:
        with pytest.raises(AddressNotAllowed):
            await poster.post(url.format(port=server.port), {}, BODY)
    assert server.connections == 0


@pytest.mark.parametrize("url", LOOPBACK_IN_OTHER_WORDS)
async def test_without_the_guard_every_spelling_connects(url: str) -> None:
    """So the table above tests the guard: these are all ways to reach the listener."""
    async with listening_on_loopback() as server, posting() as poster:
        assert (await poster.post(url.format(port=server.port), {}, BODY)).status == 200
    assert server.connections == 1


@pytest.mark.parametrize("url", READ_BY_NOBODY)
async def test_what_can_be_read_in_two_ways_is_not_read(url: str) -> None:
    """A carrier's URL, which no guard judges, has to be as clear as a customer's."""
    async with listening_on_loopback() as server, posting() as poster:
        with pytest.raises(AddressNotAllowed):
            await poster.post(url.format(port=server.port), {}, BODY)
    assert server.connections == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("addresses", [("8.8.8.8", "127.0.0.1"), ("127.0.0.1", "8.8.8.8"), ("::ffff:127.0.0.1",)])
async def test_a_name_with_an_internal_address_does_not_connect(scheme: str, addresses: tuple[str, ...]) -> None:
    """One internal address among a name's addresses is enough to refuse it, in any place."""
    async with listening_on_loopback() as server, posting(AddressGuard(), resolving_to(*addresses)) as poster:
        with pytest.raises(AddressNotAllowed):
            await poster.post(f"{scheme}://mixed.example:{server.port}/", {}, BODY)
    assert server.connections == 0


async def test_a_guarded_redirect_is_not_followed() -> None:
    """An allowed endpoint cannot send us on to a listener that is not allowed."""
    async with listening(answering(OK)) as internal:
        data = (f"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:{internal.port}/\r\nContent-Length: 0\r\n\r\n").encode()
        async with (
            listening(answering(data)) as server,
            posting(AddressGuard([f"127.0.0.1:{server.port}"])) as poster,
        ):
            assert (await poster.post(f"http://127.0.0.1:{server.port}/", {}, BODY)).status == 307
    assert internal.connections == 0


def self_signed(folder: Path, name: str) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start.replace(year=2120))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.2"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_the_checked_address_is_the_one_that_is_called_over_http() -> None:
    """The name answers the check with one address and would answer the client with another (DNS rebinding).

    `localhost` stands for such a name: our resolver says 127.0.0.2, the system's 127.0.0.1. The Host header keeps
    the name.
    """
    async with (
        listening(answering(OK), "127.0.0.2") as checked,
        listening(answering(OK), "127.0.0.1", checked.port) as rebound,
        posting(AddressGuard(["127.0.0.2"]), resolving_to("127.0.0.2")) as poster,
    ):
        assert (await poster.post(f"http://localhost:{checked.port}/", {}, BODY)).status == 200
    assert (checked.connections, rebound.connections) == (1, 0)
    hosts = [line for line in checked.requests[0].split(b"\r\n") if line.lower().startswith(b"host:")]
    assert hosts == [f"Host: localhost:{checked.port}".encode()]


@pytest.mark.parametrize("host", ["localhost", "localhost.", "LocalHost"])
async def test_the_checked_address_is_the_one_that_is_called_over_https(tmp_path: Path, host: str) -> None:
    """The same over TLS, where the name also has to reach the server as SNI; its certificate is verified."""
    names: list[str | None] = []
    context = self_signed(tmp_path, "localhost")
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    async with (
        listening(answering(OK), "127.0.0.2", tls=context) as checked,
        listening(answering(OK), "127.0.0.1", checked.port) as rebound,
        posting(AddressGuard(["127.0.0.2"]), resolving_to("127.0.0.2")) as poster,
    ):
        with pytest.raises(NotSent, match="certificate"):
            await poster.post(f"https://{host}:{checked.port}/", {}, BODY)
        assert rebound.connections == 0
    assert names == ["localhost"]


@pytest.mark.parametrize(("host", "verified"), [("localhost", True), ("127.0.0.2", True), ("other.example", False)])
async def test_a_certificate_has_to_be_the_endpoints_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, verified: bool
) -> None:
    """Trusted, and for the name or address of the URL; then requests share the session."""
    context = self_signed(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    async with (
        listening(answering(OK), "127.0.0.2", tls=context) as server,
        posting(AddressGuard(["127.0.0.2"]), resolving_to("127.0.0.2")) as poster,
    ):
        for _ in range(2):
            call = poster.post(f"https://{host}:{server.port}/", {}, BODY)
            if verified:
                assert await call == Answer(200, b"ok", None)
            else:
                with pytest.raises(NotSent, match=r"certificate|mismatch"):
                    await call
    assert (len(server.requests), server.connections) == ((2, 1) if verified else (0, 0))


async def test_another_address_is_tried_when_one_cannot_be_connected_to_and_comes_first_then() -> None:
    """Nothing was sent to the first, so the second may have it; later POSTs do not pay for the first again."""
    async with (
        listening(answering(OK), "127.0.0.3") as server,
        posting(AddressGuard(["127.0.0.0/8"]), resolving_to("127.0.0.2", "127.0.0.3")) as poster,
    ):
        url = f"http://two.example:{server.port}/"
        assert (await poster.post(url, {}, BODY)).status == 200
        async with listening(answering(OK), "127.0.0.2", server.port) as first:
            assert (await poster.post(url, {}, BODY)).status == 200
    assert (len(server.requests), first.connections) == (2, 0)


async def test_a_request_in_doubt_is_not_tried_at_another_address() -> None:
    """The first address has read it, so the second must not get it too."""
    async with (
        listening(close, "127.0.0.2") as first,
        listening(answering(OK), "127.0.0.3", first.port) as second,
        posting(AddressGuard(["127.0.0.0/8"]), resolving_to("127.0.0.2", "127.0.0.3")) as poster,
    ):
        with pytest.raises(InDoubt):
            await poster.post(f"http://two.example:{first.port}/", {}, BODY)
    assert (len(first.requests), second.connections) == (1, 0)


# Resolution: once for many, followed, and not at the mercy of a sick name server.


async def test_posts_that_come_together_share_one_resolution() -> None:
    """A burst to a new endpoint asks once, and what was found is remembered."""
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[Address]:
        asked.append(host)
        await asyncio.sleep(0)
        return [ip_address("127.0.0.1")]

    async with listening(answering(OK)) as server, posting(AddressGuard(["127.0.0.1"]), resolve) as poster:
        url = f"http://burst.example:{server.port}/"
        await asyncio.gather(*(poster.post(url, {}, BODY) for _ in range(5)))
        await poster.post(url, {}, BODY)
    assert asked == ["burst.example"]


async def test_a_change_of_address_is_followed_and_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the remembered answer is too old the name is asked anew, and the new address is judged as the first was."""
    monkeypatch.setattr(pinning, "FOLLOW_DNS_SECONDS", -1.0)
    answers = iter(["127.0.0.1", "10.0.0.1"])

    async def resolve(_host: str, _port: int) -> Sequence[Address]:
        return [ip_address(next(answers))]

    async with listening(answering(OK)) as server, posting(AddressGuard(["127.0.0.1"]), resolve) as poster:
        url = f"http://moving.example:{server.port}/"
        assert (await poster.post(url, {}, BODY)).status == 200
        with pytest.raises(AddressNotAllowed, match=r"10\.0\.0\.1"):
            await poster.post(url, {}, BODY)


async def test_a_checked_address_serves_on_while_the_name_server_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that is well must not suffer from a resolver that is not."""
    monkeypatch.setattr(pinning, "FOLLOW_DNS_SECONDS", -1.0)
    monkeypatch.setattr(pinning, "ASK_AGAIN_SECONDS", -1.0)
    answers = iter([["127.0.0.1"]])

    async def resolve(_host: str, _port: int) -> Sequence[Address]:
        found = next(answers, None)
        if found is None:
            raise OSError("no answer")
        return [ip_address(address) for address in found]

    async with listening(answering(OK)) as server, posting(AddressGuard(["127.0.0.1"]), resolve) as poster:
        url = f"http://steady.example:{server.port}/"
        assert [(await poster.post(url, {}, BODY)).status for _ in range(3)] == [200, 200, 200]
        monkeypatch.setattr(pinning, "SERVE_STALE_SECONDS", -1.0)
        with pytest.raises(NotSent, match=r"steady\.example"):
            await poster.post(url, {}, BODY)


async def test_a_silent_name_server_is_waited_for_only_so_long() -> None:
    """The caller gets its answer in time, although the resolution goes on."""

    async def resolve(_host: str, _port: int) -> Sequence[Address]:
        await asyncio.Event().wait()
        raise AssertionError

    async with posting(AddressGuard(), resolve, timeout=0.2) as poster:
        with pytest.raises(NotSent, match=r"silent\.example did not resolve within"):
            await poster.post("http://silent.example/", {}, BODY)
