"""aiohttp's low-level server, with the errors that it finds itself (broken HTTP) in the contract's shape too.

The low-level server, because routes and middlewares of an application cost more than both our endpoints' checks.
"""

from typing import Final

import structlog
from aiohttp import web

from agents.ingress.answers import error
from agents.ingress.app import Door, count
from pipeline.settings import IngressSettings

KEEP_ALIVE_SECONDS: Final = 75.0
"""Idle connections are closed after this, and so are those that do not finish the head of a request."""
LINGER_SECONDS: Final = 5.0
"""How long the rest of a refused body is read and dropped, so that its sender gets to see the answer."""
MAX_BACKLOG: Final = 1024

log = structlog.get_logger(__name__)


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what never was a request. No log line for a 400: strangers could fill the disk with them."""
        if status == 400:
            answer = error(400, "the request is not well-formed HTTP", close=True)
        else:
            log.error("request_failed", error=repr(exc), exc_info=exc)
            answer = error(500, "something went wrong on our side", close=True)
        count(answer.status)
        return answer


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


async def listen(door: Door, settings: IngressSettings, *, drain_timeout_seconds: float) -> web.ServerRunner:
    """Start listening. `cleanup()` of what is returned stops it: no new connection, open requests may finish."""
    server = _Server(
        door.answer,
        access_log=None,
        auto_decompress=False,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        lingering_time=LINGER_SECONDS,
    )
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=drain_timeout_seconds)
    await runner.setup()
    site = web.TCPSite(
        runner, settings.host, settings.port, backlog=MAX_BACKLOG, reuse_port=settings.reuse_port or None
    )
    await site.start()
    log.info("listening", host=settings.host, port=site.port)
    return runner
