"""A light stand-in for carrier and customer: counts POSTs and answers at once. `python -m tests.bench.sink [PORT]`.

    POST /carrier    202 {"id": "<n>"}      POST /callback  200 {}
    GET  /stats      counts and times       POST /reset     {"watch": TEXT, "mark": N}, both optional
    GET  /watched    [[path, time, body]] of the POSTs whose body holds TEXT ("" watches all)

A segment whose receipt is wanted is reported as delivered, right after it was taken.
Times are seconds of the machine's monotonic clock, the same one in every process. Prints its port on stdout.
"""

import asyncio
import json
import sys
import time
from typing import Any, Final, cast

import uvloop

from tests.bench.processes import interrupt_nobody
from tests.bench.receipts_back import ReceiptsBack, receipt_url

MAX_HEAD_BYTES: Final = 65_536
MAX_BODY_BYTES: Final = 1_048_576
MAX_WATCHED: Final = 100_000


class Counter:
    """What came in on one path."""

    def __init__(self, mark: int | None = None) -> None:
        self.n = 0
        self.first: float | None = None
        self.last: float | None = None
        self.mark = mark
        self.marked_at: float | None = None

    def count(self, now: float) -> None:
        """Count one POST; note when number `mark` came."""
        self.n += 1
        self.last = now
        if self.first is None:
            self.first = now
        if self.n == self.mark:
            self.marked_at = now


class Sink:
    """The counters of both paths, and the bodies that are watched for."""

    def __init__(self) -> None:
        self._receipts = ReceiptsBack()
        self.reset({})

    def reset(self, wishes: dict[str, Any]) -> None:
        """Start counting anew."""
        mark, watch = wishes.get("mark"), wishes.get("watch")
        self.counters = {b"/carrier": Counter(mark), b"/callback": Counter(mark)}
        self._watch: bytes | None = None if watch is None else str(watch).encode()
        self.watched: list[tuple[str, float, str]] = []

    def take(self, method: bytes, path: bytes, body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer to a request."""
        counter = self.counters.get(path)
        if counter is not None and method == b"POST":
            now = time.monotonic()
            counter.count(now)
            if self._watch is not None and self._watch in body and len(self.watched) < MAX_WATCHED:
                self.watched.append((path.decode(), now, body.decode(errors="replace")))
            if path != b"/carrier":
                return 200, b"{}"
            if (url := receipt_url(body)) is not None:
                self._receipts.post(url, b'{"id":"%d","status":"DELIVRD"}' % counter.n)
            return 202, b'{"id":"%d"}' % counter.n
        if (method, path) == (b"GET", b"/stats"):
            return 200, json.dumps({path.decode()[1:]: vars(it) for path, it in self.counters.items()}).encode()
        if (method, path) == (b"GET", b"/watched"):
            return 200, json.dumps(self.watched).encode()
        if (method, path) == (b"POST", b"/reset"):
            self.reset(json.loads(body or b"{}"))
            return 200, b"{}"
        return 404, b"{}"


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive and pipelining, for bodies with a Content-Length."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._buffer = b""
        self._is_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete, in order, with one write."""
        if self._is_over:
            return
        buffer = self._buffer + data if self._buffer else data
        answers: list[bytes] = []
        at = 0
        close = False
        while not close:
            end_of_head = buffer.find(b"\r\n\r\n", at)
            if end_of_head < 0:
                if len(buffer) - at > MAX_HEAD_BYTES:
                    answers.append(_answer(431, b"{}"))
                    close = True
                break
            head = buffer[at:end_of_head]
            try:
                method, path, length, close = _parsed(head)
            except ValueError:
                answers.append(_answer(400, b"{}"))
                close = True
                break
            end = end_of_head + 4 + length
            if len(buffer) < end:
                close = False
                break
            answers.append(_answer(*self._sink.take(method, path, buffer[end_of_head + 4 : end])))
            at = end
        self._buffer = buffer[at:]
        if answers:
            self._transport.write(b"".join(answers))
        if close:
            # What is still under way to us is read, else its sender would see a reset in place of the answer.
            self._is_over = True
            self._transport.write_eof()


def _parsed(head: bytes) -> tuple[bytes, bytes, int, bool]:
    """Return method, path, length of the body, and whether the connection ends after it. Raises `ValueError`."""
    line, _, fields = head.lower().partition(b"\r\n")
    method, path, version = line.split(b" ")
    if not version.startswith(b"http/1."):
        raise ValueError("not HTTP/1")
    if b"transfer-encoding:" in fields:
        raise ValueError("only Content-Length is understood")
    length = 0
    start = fields.find(b"content-length:")
    if start >= 0:
        length = int(fields[start + 15 :].partition(b"\r\n")[0])
        if not 0 <= length <= MAX_BODY_BYTES:
            raise ValueError("body too large")
    return method.upper(), path.partition(b"?")[0], length, b"connection: close" in fields


_REASONS: Final = {
    200: b"OK", 202: b"Accepted", 400: b"Bad Request", 404: b"Not Found", 431: b"Request Header Fields Too Large",
}  # fmt: skip


def _answer(status: int, body: bytes) -> bytes:
    return (
        b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % (status, _REASONS[status], len(body))
    ) + body


async def serve(port: int) -> None:
    """Serve until killed."""
    sink = Sink()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(sink), "127.0.0.1", port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    interrupt_nobody()
    try:
        uvloop.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
    except KeyboardInterrupt:
        sys.exit(130)
