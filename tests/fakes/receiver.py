"""Customers' endpoints on a free port of 127.0.0.1."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from tests.fakes.web_server import serving_on_a_port

SLOW_SECONDS: Final = 2.0


@dataclass
class Received:
    """One POST, as it came; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Receiver:
    """Keeps every POST, and answers by the beginning of its path.

    `/fail` takes none (503); `/hang` never answers before `let_go`; `/slow` takes its time; `/gone` wants no more
    (410); `/pause` asks for 3 seconds the first time (429); `/redirect` points to `/ok`; any other takes all.
    """

    port: int = 0
    scheme: str = "http"
    received: list[Received] = field(default_factory=list)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def of(self, path: str) -> list[Received]:
        return [one for one in self.received if one.path == path]

    async def answer(self, request: web.Request) -> web.Response:
        self.received.append(
            Received(
                request.path,
                {name.lower(): value for name, value in request.headers.items()},
                await request.read(),
                asyncio.get_running_loop().time(),
            )
        )
        match request.path.split("/")[1]:
            case "fail":
                return web.Response(status=503)
            case "gone":
                return web.Response(status=410, text="no\x1b more")
            case "pause" if len(self.of(request.path)) == 1:
                return web.Response(status=429, headers={"Retry-After": "3"})
            case "redirect":
                raise web.HTTPTemporaryRedirect(self.url("/ok/redirected"))
            case "hang":
                await self.let_go.wait()
            case "slow":
                await asyncio.sleep(SLOW_SECONDS)
        return web.Response()


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Run a receiver for as long as the context lasts."""
    receiver = Receiver(scheme="http" if tls is None else "https")
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.answer)
    async with serving_on_a_port(web.AppRunner(app, access_log=None), tls) as receiver.port:
        try:
            yield receiver
        finally:
            receiver.let_go.set()
