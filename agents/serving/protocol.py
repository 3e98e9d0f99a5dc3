"""aiohttp's low-level server with bounds: how many connections, how large a head, and what ends a connection.

A client that has said all it has to say and closes its side (`shutdown`, `nc -N`) gets its answers. What never was a
request, or is too large to be one, gets an error of the server's own shape and a moment in which to read it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import structlog
from aiohttp import web
from aiohttp.web_protocol import MAX_MSG_QUEUE_SIZE

from agents.serving.connections import Bound, Connections
from agents.serving.errors import MEDIA_TYPE, document, member, unasked
from agents.serving.lingering import Lingering
from agents.serving.parser import MAX_HEADER_BYTES, MAX_HEADERS, MAX_TARGET_BYTES, RequestParser, head_problem

KEEP_ALIVE_SECONDS: Final = 75.0
"""Idle connections are closed after this, and so are those that do not finish the head of a request."""
LINGER_SECONDS: Final = 5.0
"""How long the rest of a refused body is read and dropped, so that its sender gets to see the answer."""
STALLED_SECONDS: Final = 30.0
"""How long answers may wait for a client that does not read them."""
MAX_TURNED_AWAY: Final = 32  # that linger for their answer; more are closed without a word
RETRY_AFTER_SECONDS: Final = 5
_TURNED_AWAY: Final = {
    Bound.ADDRESS: unasked(429, "too many connections from this address", RETRY_AFTER_SECONDS),
    Bound.ALL: unasked(503, "too many connections", RETRY_AFTER_SECONDS),
}
_LOOK_AGAIN_SECONDS: Final = 1.0
_LIMITS: Final[dict[str, Any]] = {
    "max_line_size": MAX_TARGET_BYTES,
    "max_field_size": MAX_HEADER_BYTES,
    "max_headers": MAX_HEADERS,
}

log = structlog.get_logger(__name__)

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Respond = Callable[[int, str], web.StreamResponse]
"""Makes the answer to what never was a request, from status and detail; it ends the connection."""


def respond_in_json_api(status: int, detail: str) -> web.StreamResponse:
    """Answer with one error."""
    headers = {"Content-Type": MEDIA_TYPE, "Connection": "close"}
    response = web.Response(status=status, body=document([member(status, detail)]), headers=headers)
    response.force_close()
    return response


class Connection(web.RequestHandler):
    """One connection."""

    __slots__ = ("_answered", "_broken", "_connections", "_has_ended", "_lingering", "_respond", "_stalled")

    def __init__(
        self,
        manager: web.Server,
        connections: Connections,
        respond: Respond,
        *,
        loop: asyncio.AbstractEventLoop,
        auto_decompress: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(manager, loop=loop, **options)
        self._parser: RequestParser | None = RequestParser(
            self, loop, self._read_bufsize, **_LIMITS, payload_exception=web.RequestPayloadError,
            auto_decompress=auto_decompress, max_msg_queue_size=MAX_MSG_QUEUE_SIZE,
        )  # fmt: skip
        self._connections = connections
        self._respond = respond
        self._has_ended = False
        """Whether the client has closed its side."""
        self._broken = False
        """Whether what it says is no HTTP, or too much of it."""
        self._answered: web.BaseRequest | None = None
        """The last request that has its answer."""
        self._lingering: Lingering | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def idle_rank(self) -> tuple[bool, float] | None:
        """Return whether there was a request, and when it would be closed anyway; None while there is one."""
        waiter = self._waiter
        if waiter is None or waiter.done() or self._messages:
            return None
        return self._request_count > 0, self._next_keepalive_close_time

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take it in, or turn it away."""
        peer = transport.get_extra_info("peername")
        bound = self._connections.admit(self, peer[0] if isinstance(peer, tuple) else None)
        if bound is None:
            super().connection_made(transport)
            if self._task_handler is not None:
                self._task_handler.add_done_callback(self._abort_if_stalled)
        else:
            self._turn_away(transport, bound)  # type: ignore[arg-type]  # of a TCP connection it is a `Transport`

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give its place back."""
        self._connections.release(self)
        if self._stalled is not None:
            self._stalled.cancel()
        self._answered = None  # it knows its connection: a circle
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]  # aiohttp always closes
        """Stay for the answers to what has come; an unfinished request is one no more.

        Returns whether the connection stays open.
        """
        waiter = self._waiter
        if not self._messages and (self._request_count == 0 or (waiter is not None and not waiter.done())):
            return False
        self._has_ended = True
        self._lingering_time = 0.0  # there is nothing more to read
        body = self._parser.unfinished_body if self._parser is not None else None
        if body is not None and not body.is_eof():
            if self._answered is not None and body is self._answered.content:
                body.feed_eof()
            else:
                body.set_exception(ConnectionResetError("the client has ended before its request"))
        self._loop.call_later(_LOOK_AGAIN_SECONDS, self._close_if_waiting)
        return True

    def force_close(self) -> None:
        """End it at once; what is written already still has a moment."""
        transport = self.transport
        super().force_close()
        if transport is not None and transport.get_write_buffer_size():
            self._loop.call_later(LINGER_SECONDS, transport.abort)
        if self._lingering is not None:
            self._lingering.end()

    def pause_writing(self) -> None:
        """Give a client that does not read its answers a while to begin."""
        super().pause_writing()
        if self.transport is not None:
            self._stalled = self._loop.call_later(STALLED_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()

    def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> Coroutine[Any, Any, tuple[web.StreamResponse, bool]]:
        """Write an answer. No coroutine of its own: every request comes by here."""
        self._answered = request
        if self._broken:
            return self._finish_and_linger(request, resp, start_time)
        if self._has_ended and not self._messages:
            resp.force_close()
        return super().finish_response(request, resp, start_time)

    async def _finish_and_linger(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        written = await super().finish_response(request, resp, start_time)
        transport, self.transport = self.transport, None
        if transport is not None:
            self._lingering = Lingering(transport, self.connection_lost)
        return written

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what never was a request. No log line for the client's fault: strangers could fill the disk."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun and cannot be finished")
        self._broken = not self._has_ended
        if status == 400:
            return self._respond(*head_problem(exc))
        log.error("request_failed", error=repr(exc), exc_info=exc)
        return self._respond(500, "something went wrong on our side")

    def _turn_away(self, transport: asyncio.Transport, bound: Bound) -> None:
        connections = self._connections
        if connections.turned_away >= MAX_TURNED_AWAY:
            transport.abort()
            return

        def ended(_: BaseException | None) -> None:
            connections.turned_away -= 1

        connections.turned_away += 1
        transport.write(_TURNED_AWAY[bound])
        Lingering(transport, ended)

    def _abort_if_stalled(self, _: "asyncio.Task[None]") -> None:
        """A transport that is closed waits for its client to read; not all of them do."""
        transport = self.transport
        if transport is not None and transport.get_write_buffer_size():
            self._loop.call_later(STALLED_SECONDS, transport.abort)

    def _close_if_waiting(self) -> None:
        """End what is kept open for answers once there are none: the end may have come while the last was written."""
        if self.transport is None:
            return
        if self.idle_rank() is not None:
            self.force_close()
        else:
            self._loop.call_later(_LOOK_AGAIN_SECONDS, self._close_if_waiting)


class Server(web.Server):
    """Makes `Connection`s. `options` are those of aiohttp's handler; `connections` holds them within their bounds."""

    def __init__(
        self, handler: Handler, connections: Connections, respond: Respond = respond_in_json_api, **options: Any
    ) -> None:
        defaults = {"access_log": None, "keepalive_timeout": KEEP_ALIVE_SECONDS, "lingering_time": LINGER_SECONDS}
        super().__init__(handler, **{**defaults, **options})
        self._held = connections
        self._respond = respond

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        return Connection(self, self._held, self._respond, loop=self._loop, **self._kwargs)


class AppRunner(web.AppRunner):
    """Runs an application on such a server."""

    def __init__(self, app: web.Application, connections: Connections, **options: Any) -> None:
        super().__init__(app, access_log=None, handle_signals=False, **options)
        self._held = connections

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        options = {**made._kwargs, "request_factory": made.request_factory}  # noqa: SLF001  # it has no other way out
        return Server(made.request_handler, self._held, **options)
