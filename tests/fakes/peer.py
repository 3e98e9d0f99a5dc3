"""A peer that can be told how it is: a carrier or customers' endpoints, quick, slow, hostile, silent or away.

How it answers goes by path (`Manner`); every POST is kept with its destination and its time on the machine's monotonic
clock. `away` closes the port and all connections, so that to connect is refused.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple, cast

_DESTINATION: Final = re.compile(rb'"destination":\s?"(\d+)"')
_TEXT: Final = re.compile(rb'"text":\s?"([^"]*)"')
_LENGTH: Final = re.compile(rb"content-length: ?(\d+)", re.IGNORECASE)
BACKLOG: Final = 1024
MAX_REQUEST_BYTES: Final = 1_048_576


class Arrival(NamedTuple):
    """One POST. `text` is a segment's; a callback has none."""

    path: str
    destination: str
    at: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Manner:
    """How POSTs to a path are answered: after `seconds`, with `status` and `headers`; or never."""

    status: int = 202
    seconds: float = 0.0
    headers: str = ""
    hangs: bool = False


class Peer:
    """Listens on a port of its own that stays the same."""

    def __init__(self) -> None:
        self.port = 0
        self.manners: dict[str, Manner] = {}
        """By the beginning of a path, the longest one counts; any other is answered 202 at once."""
        self.arrivals: list[Arrival] = []
        self._reached: dict[str, set[str]] = {}
        self._server: asyncio.Server | None = None
        self.open: set[asyncio.Transport] = set()

    def url(self, path: str) -> str:
        """Return the URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    async def start(self) -> None:
        """Listen; where it listened before, if it has."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", self.port, backlog=BACKLOG)
        self.port = self._server.sockets[0].getsockname()[1]

    async def away(self) -> None:
        """Stop listening, and break off what is connected."""
        assert self._server is not None
        self._server.close()
        for transport in tuple(self.open):
            transport.abort()
        await self._server.wait_closed()

    def manner_of(self, path: str) -> Manner:
        """Return how a path is answered."""
        known = max((it for it in self.manners if path.startswith(it)), key=len, default=None)
        return Manner() if known is None else self.manners[known]

    def took(self, path: str, destination: str, text: str) -> None:
        """Keep a POST."""
        self.arrivals.append(Arrival(path, destination, time.monotonic(), text))
        self._reached.setdefault(path, set()).add(destination)

    def count(self, path: str) -> int:
        """Return how many POSTs with different destinations have come to each of the paths that begin so, in all."""
        return sum(len(found) for known, found in self._reached.items() if known.startswith(path))


@asynccontextmanager
async def peer() -> AsyncIterator[Peer]:
    """Run one until the context ends."""
    running = Peer()
    await running.start()
    try:
        yield running
    finally:
        await running.away()


class _Connection(asyncio.Protocol):
    """One request after the other, as our client sends them."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._peer.open.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._peer.open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        """Take a request when all of it has come."""
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        if not end or len(body) < length:
            if len(self._buffer) > MAX_REQUEST_BYTES:
                self._transport.abort()
            return
        self._buffer = b""
        path = head.split(b" ", 2)[1].decode()
        destination = _DESTINATION.search(body)
        if destination is not None:  # else it is a question, or a probe of somebody else
            text = _TEXT.search(body)
            self._peer.took(path, destination[1].decode(), "" if text is None else text[1].decode())
        manner = self._peer.manner_of(path)
        if manner.hangs:
            return
        if manner.seconds:
            asyncio.get_running_loop().call_later(manner.seconds, self._answer, manner)
        else:
            self._answer(manner)

    def _answer(self, manner: Manner) -> None:
        if not self._transport.is_closing():
            self._transport.write(
                f"HTTP/1.1 {manner.status} X\r\nContent-Type: application/json\r\n{manner.headers}"
                'Content-Length: 10\r\n\r\n{"id":"1"}'.encode()
            )
