"""One HTTP/1.1 connection to a carrier or an endpoint: one request at a time, and the truth about how it failed.

Everything here happens after the connection was made, so a request that brings no answer is always in doubt: its
bytes have been given to the kernel. The answer's syntax is llhttp's business (httptools); what counts as an answer
is decided here.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from pipeline.errors import InDoubt

MAX_HEAD_BYTES: Final = 65_536  # of status lines and headers, interim answers (1xx) included


class Answer(NamedTuple):
    """An answer's status, its body up to `max_answer_bytes`, and its `Retry-After`."""

    status: int
    body: bytes
    retry_after: str | None


class Connection(asyncio.Protocol):
    """Made by the event loop; `ended` is called once, when the connection is lost."""

    def __init__(self, max_answer_bytes: int, ended: Callable[["Connection"], None]) -> None:
        self._max_answer_bytes = max_answer_bytes
        self._ended = ended
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._waiting: asyncio.Future[Answer] | None = None
        self._head_bytes = 0
        self._status = 0
        self._retry_after: str | None = None
        self._framed = False
        self._body = bytearray()
        self.usable = True
        """Whether another request may be sent: the last answer was complete and nobody has closed."""

    async def ask(self, request: bytes, seconds: float, loop: asyncio.AbstractEventLoop) -> Answer:
        """Send a request and return its answer. Raises `InDoubt`; the connection must be `usable`."""
        waiting: asyncio.Future[Answer] = loop.create_future()
        self._waiting = waiting
        self._forget()
        timer = loop.call_later(seconds, self._fail, "no answer in time")
        self._transport.write(request)
        try:
            return await waiting
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            timer.cancel()

    def close(self) -> None:
        """End it at once; a request that waits for its answer is in doubt."""
        self.usable = False
        self._transport.abort()

    def _forget(self) -> None:
        self._head_bytes = 0
        self._status = 0
        self._retry_after = None
        self._framed = False
        self._body.clear()

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(Answer(self._status, bytes(self._body[: self._max_answer_bytes]), self._retry_after))

    def _fail(self, why: str) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(InDoubt(why))
        self.close()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = transport  # type: ignore[assignment]  # of a TCP or TLS connection it is a `Transport`

    def data_received(self, data: bytes) -> None:
        """Take in what has come."""
        if self._waiting is None:
            self.close()  # nobody has asked: it cannot be told what later answers would belong to
            return
        if not self._status:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self.usable = False
        except HttpParserError as error:
            if self._waiting is not None:
                self._fail(f"not an HTTP answer: {error}")
            self.close()
            return
        if self._waiting is None:
            if not self.usable:
                self.close()
        elif not self._status and self._head_bytes > MAX_HEAD_BYTES:
            self._fail("the answer's head is too large")
        elif len(self._body) >= self._max_answer_bytes:
            # What is left unread is not worth waiting for; it closes the connection.
            self._answer()
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Note the end of the connection, which is also that of an answer without a length."""
        self.usable = False
        if error is None and self._status and not self._framed:
            self._answer()
        self._fail(f"connection lost before the answer was complete: {error or 'closed by the other side'}")
        self._ended(self)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Refuse an answer that nobody has asked for."""
        if self._waiting is None:
            self.usable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what is needed of the headers."""
        length = len(name)
        if length == 11:
            if name.lower() == b"retry-after":
                self._retry_after = value.decode("latin-1")
        elif (length == 14 and name.lower() == b"content-length") or (
            length == 17 and name.lower() == b"transfer-encoding"
        ):
            self._framed = True

    def on_headers_complete(self) -> None:
        """Note the status of a final answer; an interim one (RFC 9110 section 15.2) only announces it."""
        status = self._parser.get_status_code()
        if status >= 200 or status == 101:
            self._status = status
        else:
            self._retry_after = None
            self._framed = False

    def on_body(self, body: bytes) -> None:
        """Keep the body up to the limit."""
        if len(self._body) < self._max_answer_bytes:
            self._body += body

    def on_message_complete(self) -> None:
        """Give the answer to whoever waits for it."""
        if self._status and self._waiting is not None:
            # A server that answers before it has read everything would take the rest for the next request.
            if not self._parser.should_keep_alive() or self._transport.get_write_buffer_size():
                self.usable = False
            self._answer()
