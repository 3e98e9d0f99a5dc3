"""Receipts, as a carrier posts them: each to the address that it was given with the segment, over a few connections."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

CONNECTIONS: Final = 32
RECONNECT_SECONDS: Final = 0.2
_FIELD: Final = b'"receipt_url":"'


def receipt_url(body: bytes) -> str | None:
    """Return the address for a segment's receipt, None where none is wanted."""
    start = body.find(_FIELD)
    if start < 0:
        return None
    start += len(_FIELD)
    return body[start : body.index(b'"', start)].decode()


class ReceiptsBack:
    """Posts receipts. What is not answered with a 2xx is posted again, as carriers do."""

    def __init__(self) -> None:
        self.taken = 0
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._arrived = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def post(self, url: str, body: bytes) -> None:
        """Queue one receipt."""
        self._waiting.append((url, body))
        self._arrived.set()
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._serve()) for _ in range(CONNECTIONS)]

    async def close(self) -> None:
        """Post nothing more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self) -> None:
        while True:
            try:
                await self._converse()
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _converse(self) -> None:
        reader: asyncio.StreamReader | None = None
        writer: asyncio.StreamWriter | None = None
        try:
            while True:
                while not self._waiting:
                    self._arrived.clear()
                    await self._arrived.wait()
                url, body = self._waiting.popleft()
                target = urlsplit(url)
                try:
                    if reader is None or writer is None:
                        reader, writer = await asyncio.open_connection(target.hostname, target.port)
                    writer.write(
                        f"POST {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n".encode()
                        + body
                    )
                    status = await _status(reader)
                except BaseException:
                    self._waiting.appendleft((url, body))
                    raise
                if 200 <= status < 300:
                    self.taken += 1
                else:
                    self._waiting.append((url, body))
        finally:
            if writer is not None:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()


async def _status(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    start = head.find(b"content-length:")
    if start >= 0:
        await reader.readexactly(int(head[start + 15 :].partition(b"\r\n")[0]))
    return int(head[9:12])
