"""Our own load generator, for machines without wrk: keeps every connection busy for some seconds.

    python -m tests.bench.http_load TARGET.json SECONDS CONNECTIONS FIRST_NUMBER STEP

Prints a `LoadResult` as JSON. Speaks just enough HTTP/1.1 for answers with a Content-Length.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

from tests.bench.load import LoadResult, Target

CONNECT_SECONDS = 10.0


class Worker(asyncio.Protocol):
    """One connection: sends a request, waits for its answer, sends the next. Reconnects when it is closed."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._buffer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._send()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self.transport.write(next(self._load.requests))

    def data_received(self, data: bytes) -> None:
        """Take what came; when it is a whole answer, count it and go on."""
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._buffer = b""
        self._load.answered(int(head[9:12]), time.perf_counter() - self._sent_at)
        if not self._load.over:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._load.over:
            self._load.reconnect()


class Load:
    """All connections of one run."""

    def __init__(self, target: Target, first_number: int, step: int = 1) -> None:
        url = urlsplit(target.url)
        if url.hostname is None:
            raise ValueError(f"not a URL: {target.url}")
        self._address = (url.hostname, url.port or 80)
        self.requests: Iterator[bytes] = target.requests(first_number, step)
        self.over = False
        self._latencies: list[float] = []
        self._refused = 0
        self._workers: list[Worker] = []
        self._reconnecting: list[asyncio.Task[None]] = []

    def answered(self, status: int, seconds: float) -> None:
        """Count an answer."""
        self._latencies.append(seconds)
        if not 200 <= status < 300:
            self._refused += 1

    def reconnect(self) -> None:
        """Open a connection in place of one that was closed."""
        self._reconnecting.append(asyncio.get_running_loop().create_task(self._connect()))

    async def _connect(self) -> None:
        _, worker = await asyncio.get_running_loop().create_connection(lambda: Worker(self), *self._address)
        self._workers.append(worker)

    async def run(self, seconds: float, connections: int) -> LoadResult:
        """Load for `seconds` and return what came of it."""
        started = time.perf_counter()
        async with asyncio.timeout(CONNECT_SECONDS):
            await asyncio.gather(*(self._connect() for _ in range(connections)))
        await asyncio.sleep(seconds)
        self.over = True
        lasted = time.perf_counter() - started
        await asyncio.gather(*self._reconnecting)  # fewer connections than asked for would be another benchmark
        for worker in self._workers:
            worker.transport.close()
        ordered = sorted(self._latencies)
        if not ordered:
            raise RuntimeError("nothing was answered")
        return LoadResult(
            generator="own",
            seconds=lasted,
            answered=len(ordered),
            refused=self._refused,
            p50_ms=ordered[len(ordered) // 2] * 1000,
            p99_ms=ordered[len(ordered) * 99 // 100] * 1000,
            cpu_seconds=0,
        )


async def main(order: Path, seconds: float, connections: int, first_number: int, step: int) -> None:
    """Run and print."""
    target = Target(**json.loads(order.read_text()))
    result = await Load(target, first_number, step).run(seconds, connections)
    print(json.dumps(result._asdict()))


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), float(sys.argv[2]), *map(int, sys.argv[3:6])))
