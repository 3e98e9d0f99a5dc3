"""An HTTP server on a free port of 127.0.0.1."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def serving_on_a_port(runner: web.BaseRunner, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve for as long as the context lasts; give the port."""
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
