"""A peer that answers each request as its script says, and one beside it that answers as it should."""

import asyncio
import re
import socket
import struct
from contextlib import suppress

from tests.fuzz.answers import End, Script

NAME = re.compile(rb"x-name: ([0-9]+)\r\n")
BODY = b'{"text": "Hi"}'
MOST_BYTES = 4_000_000
"""An endless script gives up here: whoever takes so much has no bound."""


class AnsweringPeer:
    """Plays `scripts` by the request's name, and keeps what each connection has received.

    A request without a script gets a proper answer with its own name in the body.
    """

    def __init__(self) -> None:
        self.scripts: dict[int, Script] = {}
        self.speaks_at_once: Script | None = None
        self.received: list[bytearray] = []
        self.most_taken = 0
        self._playing: set[asyncio.Task[None]] = set()
        self.url = ""
        self._server: asyncio.Server

    async def start(self) -> "AnsweringPeer":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"
        return self

    async def close(self) -> None:
        self._server.close()
        await self.forget()

    def seen(self, name: int) -> int:
        """Return how many requests of this name have come, as far as a name can be read."""
        return sum(received.count(b"x-name: %d\r\n" % name) for received in self.received)

    async def forget(self) -> None:
        """End what is still played."""
        for task in list(self._playing):
            task.cancel()
        await asyncio.gather(*self._playing, return_exceptions=True)
        self.scripts.clear()
        self.received.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._playing.add(task)
        received = bytearray()
        self.received.append(received)
        try:
            await self._serve(reader, writer, received)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._playing.discard(task)
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: bytearray) -> None:
        if self.speaks_at_once is not None:
            at_once, self.speaks_at_once = self.speaks_at_once, None
            await self._play(at_once, writer)
            return
        begin = 0
        while True:
            while not received.endswith(BODY) or len(received) == begin:
                data = await reader.read(65_536)
                if not data:
                    return
                received += data
            request, begin = bytes(received[begin:]), len(received)
            found = NAME.search(request)
            assert found is not None
            script = self.scripts.get(int(found[1]))
            if script is None:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(found[1]), found[1]))
            elif not await self._play(script, writer):
                return

    async def _play(self, script: Script, writer: asyncio.StreamWriter) -> bool:
        """Say what the script says; return whether the connection goes on."""
        said = script.said
        for length in script.pieces:
            if said:
                writer.write(said[:length])
                said = said[length:]
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        writer.write(said)
        taken = len(script.said)
        while script.again and taken < MOST_BYTES:
            writer.write(script.again)
            taken += len(script.again)
            await writer.drain()
        if script.again:
            self.most_taken = max(self.most_taken, taken)
        if script.end is End.RESETS:
            await asyncio.sleep(0)
            there = writer.get_extra_info("socket")
            with suppress(OSError):
                there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        return script.end is End.STAYS
