"""The server that the API runs in, with the errors that it finds itself (broken HTTP) in the contract's shape too.

The low-level server, because routes and middlewares of an application cost more than both our endpoints' checks.
"""

from typing import Final

import structlog
from aiohttp import web

from agents.ingress.app import HttpApi, count
from agents.ingress.protocol.responses import Response, error
from agents.serving.connections import Connections, affordable
from agents.serving.protocol import Server
from pipeline.http.client_address import Networks
from pipeline.settings import IngressSettings

MAX_BACKLOG: Final = 1024

log = structlog.get_logger(__name__)


def _respond(status: int, detail: str) -> Response:
    count(status)
    return error(status, detail, close=True)


async def listen(
    api: HttpApi, settings: IngressSettings, trusted_proxies: Networks, *, drain_timeout_seconds: float
) -> web.ServerRunner:
    """Start listening. `cleanup()` of what is returned stops it: no new connection, open requests may finish."""
    connections = Connections(
        "ingress", affordable(settings.max_connections), settings.max_connections_per_address, trusted_proxies
    )
    server = Server(api.answer, connections, _respond, auto_decompress=False)
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=drain_timeout_seconds)
    await runner.setup()
    site = web.TCPSite(
        runner, settings.host, settings.port, backlog=MAX_BACKLOG, reuse_port=settings.reuse_port or None
    )
    await site.start()
    log.info("listening", host=settings.host, port=site.port)
    return runner
