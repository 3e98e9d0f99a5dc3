"""Answers in the contract's shape: JSON:API documents, and errors with title, detail, code and status.

An answer is written head and body in one piece. Building aiohttp's header map for each costs 16 of the 44 microseconds
that a bare request takes, and our heads differ in nothing but their length.
"""

import time
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from itertools import repeat
from typing import Any

from aiohttp import HttpVersion10, web
from aiohttp.abc import AbstractStreamWriter

from agents.serving.errors import MEDIA_TYPE, TITLES, document, member

_dated_second = 0
_dated_head: dict[tuple[int, str], bytes] = {}


class Response(web.StreamResponse):
    """A complete answer. `close` ends the connection after it; `media_type` is for whoever wants no JSON:API."""

    def __init__(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        close: bool = False,
        media_type: str = MEDIA_TYPE,
    ) -> None:
        super().__init__(status=status, reason=TITLES[status])
        self.content = body
        self._media_type = media_type
        self._more = b""
        if headers:
            self.add(headers)
        if close:
            self.force_close()

    def add(self, headers: Mapping[str, str]) -> None:
        """Give it more headers."""
        self._more += b"".join([f"{name}: {value}\r\n".encode("latin-1") for name, value in headers.items()])

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write the answer."""
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        connection = b""
        if not self._keep_alive:
            connection = b"Connection: close\r\n"
        elif request.version == HttpVersion10:
            connection = b"Connection: keep-alive\r\n"
        body = b"" if request.method == "HEAD" else self.content
        transport.write(
            b"%b%b%bContent-Length: %d\r\n\r\n%b"
            % (_head(self._status, self._media_type), self._more, connection, len(self.content), body)
        )
        # A client that pipelines requests and reads no answers must not fill our memory with them.
        if transport.get_write_buffer_size() > 65_536:
            await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: `prepare` has written all of it."""


def _head(status: int, media_type: str) -> bytes:
    """Return status line and constant headers; the date (RFC 9110 section 6.6.1) is renewed every second."""
    global _dated_second
    now = int(time.time())
    if now != _dated_second:
        _dated_head.clear()
        _dated_second = now
    head = _dated_head.get((status, media_type))
    if head is None:
        head = _dated_head[status, media_type] = (
            f"HTTP/1.1 {status} {TITLES[status]}\r\nContent-Type: {media_type}\r\n"
            f"Date: {formatdate(now, usegmt=True)}\r\nServer: smsout\r\n"
        ).encode("latin-1")
    return head


def created(message_id: str, headers: Mapping[str, str] | None = None, echo: bytes = b"") -> Response:
    """Return the answer to a request for one message; `echo` are further members of its attributes."""
    more = b',"attributes":{%b}' % echo if echo else b""
    return Response(201, b'{"data":{"id":"%b","type":"outbound_messages"%b}}' % (message_id.encode(), more), headers)


def created_bulk(
    messages: Iterable[tuple[str, str]],
    headers: Mapping[str, str] | None = None,
    echoes: Iterable[bytes] = repeat(b""),  # it has no state
    bulk_id: str | None = None,
) -> Response:
    """Return the answer to a bulk request: (message id, destination) in the order of the request, and their echoes.

    `bulk_id` is what all of them can be cancelled by.
    """
    data = b",".join(
        b'{"id":"%b","type":"outbound_messages","attributes":{"destination":"%b"%b}}'
        % (message_id.encode(), to.encode(), b",%b" % echo if echo else b"")
        for (message_id, to), echo in zip(messages, echoes, strict=False)
    )
    meta = b"" if bulk_id is None else b',"meta":{"bulk_id":"%b"}' % bulk_id.encode()
    return Response(201, b'{"data":[%b]%b}' % (data, meta), headers)


def error(
    status: int,
    detail: str,
    *,
    meta: Mapping[str, Any] | None = None,
    source: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    close: bool = False,
) -> Response:
    """Return an answer with one error; `source` (JSON:API 1.1) says what in the request it is about."""
    entry = member(status, detail)
    if source is not None:
        entry["source"] = source
    if meta is not None:
        entry["meta"] = meta
    return Response(status, document([entry]), headers, close=close)


def bad_request(problems: Iterable[tuple[str, str]]) -> Response:
    """Return a 400 with one error for each (JSON pointer from the document's root, detail)."""
    members = []
    for pointer, detail in problems:
        entry = member(400, detail)
        if pointer:
            entry["source"] = {"pointer": pointer}
        members.append(entry)
    return Response(400, document(members))
