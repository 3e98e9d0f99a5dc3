"""How pages, API and static files come together, and what every response carries."""

from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Final

import jinja2
from aiohttp import web

from agents.panel.api.app import Api
from agents.panel.guard import Guard
from agents.panel.operations.operations import Operations
from agents.panel.page import Page
from agents.panel.security.cookies import Cookies
from agents.panel.security.headers import EVERYWHERE, HSTS, NOT_KEPT
from agents.panel.security.log_in import LogIns
from agents.panel.static_files import StaticFiles
from pipeline.http.client_address import Networks

TEMPLATES: Final = Path(__file__).parent / "templates"

RequestHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@cache
def assets(grafana_url: str | None = None) -> tuple[StaticFiles, jinja2.Environment]:
    """Return static files and templates, read and compiled once per process however many panels it runs.

    In templates of pages everything is escaped, in those of programs (.txt) nothing; a name that is not there is an
    error.
    """
    static = StaticFiles()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(disabled_extensions=("txt",), default_for_string=True, default=True),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"static": static.url, "grafana_url": grafana_url}
    return static, environment


def build(
    operations: Operations,
    log_ins: LogIns,
    cookies: Cookies,
    pages: Iterable[Page],
    *,
    trusted_proxies: Networks,
    max_body_bytes: int,
    grafana_url: str | None = None,
) -> web.Application:
    """Return the whole panel as an aiohttp application."""
    static, templates = assets(grafana_url)
    guard = Guard(operations, templates, log_ins, cookies, trusted_proxies)
    api = Api(operations, trusted_proxies)

    @web.middleware
    async def with_headers(request: web.Request, handler: RequestHandler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except web.HTTPException as error:  # the router's: no such path, or another method
            response = await (api.refuse(error) if request.path.startswith("/v3/") else guard.not_found(request))
        for name, value in {**NOT_KEPT, **EVERYWHERE, **(HSTS if cookies.is_secure else {})}.items():
            response.headers.setdefault(name, value)
        return response

    app = web.Application(middlewares=[with_headers], client_max_size=max_body_bytes)
    for page in pages:
        app.router.add_route(page.method, page.path, guard.handler(page))
    app.router.add_get("/static/{digest}/{name:.+}", static.serve)
    api.add_to(app)
    return app
