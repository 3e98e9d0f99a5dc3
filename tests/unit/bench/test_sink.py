import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.bench.http_load import Load
from tests.bench.load import FIRST_NUMBER, Target
from tests.bench.sink import Connection, Sink

POST = b"POST /%s HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: %d\r\n\r\n%s"


def post(path: bytes, body: bytes) -> bytes:
    return POST % (path, len(body), body)


class Running:
    """A sink that listens, and what a client gets from it."""

    def __init__(self, sink: Sink, port: int) -> None:
        self.sink = sink
        self.port = port

    async def exchange(self, *chunks: bytes) -> list[tuple[int, bytes]]:
        """Send chunks over one connection, half-close it, and return status and body of every answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0)
        writer.write_eof()
        received = await reader.read()
        writer.close()
        await writer.wait_closed()
        answers = []
        while received:
            head, _, received = received.partition(b"\r\n\r\n")
            length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
            answers.append((int(head[9:12]), received[:length]))
            received = received[length:]
        return answers


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    sink = Sink()
    open_now: set[asyncio.BaseTransport] = set()

    class Seen(Connection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            open_now.add(transport)
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            open_now.discard(self._transport)

    server = await asyncio.get_running_loop().create_server(lambda: Seen(sink), "127.0.0.1", 0)
    yield Running(sink, server.sockets[0].getsockname()[1])
    server.close()
    await server.wait_closed()
    async with asyncio.timeout(10):
        while open_now:  # the client is gone, but we may not have heard of it
            await asyncio.sleep(0.001)


async def test_pipelined_posts_are_all_counted_and_answered_in_order(running: Running) -> None:
    """Three requests in one segment get three answers."""
    answers = await running.exchange(post(b"carrier", b"{}") + post(b"callback", b"") + post(b"carrier", b"x" * 5000))
    assert answers == [(202, b'{"id":"1"}'), (200, b"{}"), (202, b'{"id":"2"}')]
    assert tuple(it.n for it in running.sink.counters.values()) == (2, 1)


@pytest.mark.parametrize("cut", [1, 20, 60, 75])
async def test_a_request_that_comes_in_pieces_is_one_request(running: Running, cut: int) -> None:
    """Wherever it is cut: in the head, in the body, or in the next request."""
    stream = post(b"carrier", b"0123456789") + post(b"callback", b"")
    assert await running.exchange(stream[:cut], stream[cut:]) == [(202, b'{"id":"1"}'), (200, b"{}")]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST /carrier HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST /carrier HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST /carrier HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", 400),
        (b"POST /carrier HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET /elsewhere HTTP/1.1\r\n\r\n", 404),
        (b"GET /carrier HTTP/1.1\r\n\r\n", 404),
        (b"X" * 70_000, 431),
    ],
)
async def test_what_it_does_not_understand_is_refused_and_not_counted(
    running: Running, request_bytes: bytes, status: int
) -> None:
    """A figure must not be made of garbage."""
    assert [status] == [answer[0] for answer in await running.exchange(request_bytes)]
    assert running.sink.counters[b"/carrier"].n == 0


async def test_connection_close_is_honoured(running: Running) -> None:
    """What follows on such a connection is not answered."""
    last = b"POST /carrier HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    assert len(await running.exchange(last + post(b"carrier", b""))) == 1


async def test_stats_and_watched_tell_what_came_since_the_reset(running: Running) -> None:
    """Counts, times, the time of the marked one, and the bodies that hold the watched text."""
    await running.exchange(post(b"carrier", b"before"))
    await running.exchange(post(b"reset", json.dumps({"watch": "me", "mark": 2}).encode()))
    await running.exchange(*(post(b"carrier", body) for body in (b"see me", b"not", b"me too")), post(b"callback", b""))
    (_, stats), (_, watched) = await running.exchange(
        b"GET /stats HTTP/1.1\r\n\r\n" + b"GET /watched?x=1 HTTP/1.1\r\n\r\n"
    )
    carrier, callback = json.loads(stats)["carrier"], json.loads(stats)["callback"]
    assert (carrier["n"], callback["n"]) == (3, 1)
    assert carrier["first"] <= carrier["marked_at"] <= carrier["last"]
    assert None is callback["marked_at"]
    assert [[path, body] for path, _, body in json.loads(watched)] == [["/carrier", "see me"], ["/carrier", "me too"]]


async def test_our_generator_counts_what_the_sink_counts(running: Running) -> None:
    """Every answer that it claims was a request that arrived, to a number of its own."""
    running.sink.reset({"watch": ""})
    target = Target(f"http://127.0.0.1:{running.port}/carrier", "user", "pass", "12125551234")
    result = await Load(target, FIRST_NUMBER).run(0.05, 4)
    # Up to one request of each connection is under way when it stops.
    assert 0 <= running.sink.counters[b"/carrier"].n - result.accepted <= 4
    assert (result.refused, result.generator) == (0, "own")
    assert 0 < result.p50_ms <= result.p99_ms
    numbers = [json.loads(body)["data"]["attributes"]["destination"] for _, _, body in running.sink.watched]
    assert [str(FIRST_NUMBER + n) for n in range(len(numbers))] == sorted(numbers)


async def test_our_generator_tells_refusals_from_acceptances(running: Running) -> None:
    """404 is an answer, but nothing was accepted."""
    target = Target(f"http://127.0.0.1:{running.port}/elsewhere", "user", "pass", "1")
    result = await Load(target, FIRST_NUMBER).run(0.02, 2)
    assert result.answered == result.refused > 0
    assert result.accepted == 0
