"""What proves that nothing of a request was sent, and what does not: a peer in the test's hand, on a real socket."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pipeline.errors import InDoubt, NotSent
from pipeline.http.client import Answer, HttpPoster
from pipeline.http.connection import Connection

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BODY = b"{}"


def poster() -> HttpPoster:
    return HttpPoster(timeout_seconds=5, connect_timeout_seconds=5, max_answer_bytes=100, max_connections=2)


def end(peer: socket.socket) -> None:
    peer.shutdown(socket.SHUT_WR)


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def speak_unasked(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")


def got_nothing(peer: socket.socket) -> bool:
    peer.settimeout(5)
    try:
        return peer.recv(1000) == b""
    except ConnectionResetError:  # what it had said was never read
        return True


class Peer:
    """Accepts connections in a thread of its own: what it does is done while the client's loop stands still."""

    def __init__(self, listener: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        self.requests: list[bytes] = []
        self.connections: list[socket.socket] = []
        self._listener = listener
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            received = b""
            while not received.endswith(BODY) and (data := connection.recv(1000)):
                received += data
            self.requests.append(received)
            connection.sendall(OK)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self.connections:
            connection.close()


@contextmanager
def peer() -> Iterator[Peer]:
    found = Peer(socket.create_server(("127.0.0.1", 0)))
    try:
        yield found
    finally:
        found.close()


@pytest.mark.parametrize("hang_up", [end, reset, speak_unasked])
async def test_a_kept_connection_that_the_other_side_has_just_left_gets_no_request(
    hang_up: Callable[[socket.socket], None],
) -> None:
    """The kernel knows before the event loop does; the request goes over a new connection, once."""
    client = poster()
    with peer() as other:
        assert await client.post(other.url, {}, BODY) == Answer(200, b"ok", None)
        hang_up(other.connections[0])  # and nothing is awaited until the next post looks for a connection
        assert await client.post(other.url, {}, BODY) == Answer(200, b"ok", None)
        assert len(other.requests) == 2
        if hang_up is not reset:
            assert got_nothing(other.connections[0])
        await client.close()


async def test_a_kept_connection_that_was_left_is_not_sent_when_there_is_no_other() -> None:
    """Nobody listens any more, and nothing was written."""
    client = poster()
    with peer() as other:
        await client.post(other.url, {}, BODY)
    with pytest.raises(NotSent, match="refused"):
        await client.post(other.url, {}, BODY)
    await client.close()


class _TransportThatEnds(asyncio.Transport):
    """Takes what is written, as a socket's does while it is being closed."""

    def __init__(self, there: socket.socket) -> None:
        super().__init__({"socket": there})
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def abort(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0


async def test_a_connection_whose_end_has_been_read_but_not_yet_told_is_not_sent() -> None:
    """Between the end of what the other side sends and the end of the connection lies a turn of the event loop."""
    here, there = socket.socketpair()
    with here, there:
        connection, transport = Connection(100, lambda _: None), _TransportThatEnds(here)
        connection.connection_made(transport)
        connection.eof_received()
        with pytest.raises(NotSent):
            await connection.ask(b"POST", asyncio.get_running_loop().time() + 5, asyncio.get_running_loop())
        assert transport.written == b""


@pytest.mark.parametrize("hang_up", [end, reset])
async def test_what_has_been_written_stays_in_doubt(hang_up: Callable[[socket.socket], None]) -> None:
    """The other side left before it could have read a byte, but the kernel had them all."""
    client = poster()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        posting = asyncio.create_task(client.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", {}, BODY))
        connection, _ = await asyncio.to_thread(listener.accept)
        with connection:
            await asyncio.to_thread(connection.recv, 1, socket.MSG_PEEK)  # it is there, and nobody has read it
            hang_up(connection)
            with pytest.raises(InDoubt):
                await posting
    await client.close()


@pytest.mark.parametrize("speaks", [b"220 mail.example ESMTP\r\n", OK])
async def test_who_speaks_first_gets_nothing(speaks: bytes) -> None:
    """Such an answer would be the next request's; what is no HTTP server may do anything with it."""
    client = poster()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        reaching = asyncio.create_task(client.reach(url))
        connection, _ = await asyncio.to_thread(listener.accept)
        assert await reaching
        with connection:
            connection.sendall(speaks)
            posting = asyncio.create_task(client.post(url, {}, BODY))
            second, _ = await asyncio.to_thread(listener.accept)
            with second:
                await asyncio.to_thread(second.recv, 1000)
                second.sendall(OK)
                assert (await posting).status == 200
            assert got_nothing(connection)
    await client.close()


async def test_the_timer_follows_the_deadline_of_each_request() -> None:
    """One timer serves all requests of a connection: a later deadline is kept, and so is an earlier one."""
    client = poster()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        loop = asyncio.get_running_loop()
        for first, second in ((0.2, 0.4), (5.0, 0.2)):
            posting = asyncio.create_task(client.post(url, {}, BODY, timeout_seconds=first))
            connection, _ = await asyncio.to_thread(listener.accept)
            with connection:
                await asyncio.to_thread(connection.recv, 1000)
                connection.sendall(OK)
                assert (await posting).status == 200
                began = loop.time()
                with pytest.raises(InDoubt, match="in time"):
                    await client.post(url, {}, BODY, timeout_seconds=second)
                assert second - 0.01 <= loop.time() - began < second + 1
    await client.close()
