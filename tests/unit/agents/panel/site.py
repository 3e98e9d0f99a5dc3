"""The panel's web application over an office, with pages of the test's own, and a browser that keeps cookies."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import ClientResponse, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from agents.panel.app import build
from agents.panel.operations.actor import Permission
from agents.panel.operations.errors import NotFound
from agents.panel.operations.people.api_keys import new_api_key
from agents.panel.page import Page, PageContext
from agents.panel.security.cookies import Cookies
from agents.panel.security.log_in import LogInRefused, LogIns
from agents.panel.security.sessions import Sessions
from agents.panel.security.throttle import Throttle
from pipeline.errors import NotAcknowledged
from pipeline.http.client_address import Networks
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import OURS, PASSWORD, Office

JSON_API = "application/vnd.api+json"
META = re.compile(r'name="csrf-token" content="([^"]+)"')
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


async def login_form(context: PageContext) -> web.StreamResponse:
    return web.Response(text=f'<input name="csrf_token" value="{context.csrf_token}">', content_type="text/html")


async def log_in(context: PageContext) -> web.StreamResponse:
    refused = await context.log_in(context.text("email"), context.text("password"))
    if refused is None:
        return context.redirect("/me")
    assert isinstance(refused, LogInRefused)
    return web.Response(status=refused.status, text=refused.message)


async def log_out(context: PageContext) -> web.StreamResponse:
    await context.log_out()
    return context.redirect("/login")


async def me(context: PageContext) -> web.StreamResponse:
    return context.json({"email": context.actor.email, "account": context.account_id, "token": context.csrf_token})


async def change(context: PageContext) -> web.StreamResponse:
    return context.json({"changed": context.text("what")})


async def password(context: PageContext) -> web.StreamResponse:
    await context.change_password(context.text("old"), context.text("new"), context.text("new"))
    return context.redirect("/me")


async def missing(context: PageContext) -> web.StreamResponse:
    raise NotFound("There is no such trunk.")


async def broken(context: PageContext) -> web.StreamResponse:
    raise RuntimeError("secret detail")


async def brokerless(context: PageContext) -> web.StreamResponse:
    raise NotAcknowledged("silent")


PAGES = (
    Page("GET", "/login", login_form, None, for_visitors=True),
    Page("POST", "/login", log_in, None, for_visitors=True),
    Page("POST", "/logout", log_out, None),
    Page("GET", "/me", me, None),
    Page("POST", "/change", change, Permission.MANAGE_TRUNKS),
    Page("POST", "/password", password, None),
    Page("GET", "/missing", missing),
    Page("GET", "/broken", broken),
    Page("GET", "/brokerless", brokerless),
)


class Site(NamedTuple):
    """A running panel; `client` is a browser, `other` one that has never been here."""

    office: Office
    client: TestClient[Any, Any]
    origin: str
    throttle: Throttle

    async def token(self) -> str:
        found = TOKEN.search(await (await self.client.get("/login")).text())
        assert found is not None
        return found[1]

    async def token_of(self, path: str) -> str:
        """Return the token of the session, as a page has it."""
        found = META.search(await (await self.client.get(path)).text())
        assert found is not None
        return found[1]

    async def log_in(self, email: str = "owner@example.com", password: str = PASSWORD) -> ClientResponse:
        form = {"csrf_token": await self.token(), "email": email, "password": password}
        return await self.client.post("/login", data=form, headers={"Origin": self.origin}, allow_redirects=False)

    async def me(self) -> Any:
        answer = await self.client.get("/me", allow_redirects=False)
        return await answer.json() if answer.status == 200 else answer.status

    def use_session(self, identity: str) -> None:
        """Come back with a cookie of an earlier session, and nothing else."""
        self.client.session.cookie_jar.clear()
        self.client.session.cookie_jar.update_cookies({"smsout-session": identity})

    async def post(self, path: str, origin: str | None = None, **form: str | list[str]) -> ClientResponse:
        headers = {"Origin": self.origin if origin is None else origin}
        fields = [(name, value) for name, it in form.items() for value in ([it] if isinstance(it, str) else it)]
        return await self.client.post(path, data=fields, headers=headers, allow_redirects=False)


@asynccontextmanager
async def running(
    office: Office, public_url: str | None = None, pages: tuple[Page, ...] = PAGES, grafana_url: str | None = None
) -> AsyncIterator[Site]:
    """Run a panel for as long as the context lasts."""
    slow = Throttle()
    log_ins = LogIns(office.operations, office.hasher, Sessions(600, 3600), slow)
    app = build(
        office.operations,
        log_ins,
        Cookies(public_url, "127.0.0.1", 8081),
        pages,
        trusted_proxies=Networks([]),
        max_body_bytes=1_048_576,
        grafana_url=grafana_url,
    )
    server = TestServer(app)
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        origin = str(server.make_url("/")).rstrip("/") if public_url is None else public_url
        yield Site(office, client, origin, slow)


async def logged_in(site: Site, role: PanelRole) -> str:
    """Log in over the real form; return the session's token."""
    await site.log_in(f"{role.value}@example.com")
    found = META.search(await (await site.client.get("/nothing/here")).text())
    assert found is not None
    return found[1]


def key_for(office: Office, role: PanelRole) -> str:
    account_id = None if role is PanelRole.OPERATOR else OURS
    record, key = new_api_key(office.now, role.value, role, account_id)
    office.add(record)
    return key


async def call(site: Site, key: str | None, method: str, path: str, data: Any = None, **headers: str) -> ClientResponse:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        sent["Authorization"] = f"Bearer {key}"
    body = None
    if data is not None:
        sent.setdefault("Content-Type", JSON_API)
        body = json.dumps({"data": data})
    return await site.client.request(method, path, data=body, headers=sent)
