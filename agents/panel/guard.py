"""Every request for a page is authenticated and authorized here: session, permission, origin, token, form.

Every error becomes a page.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

import jinja2
import structlog
from aiohttp import web

from agents.panel.operations.actor import Actor
from agents.panel.operations.errors import Conflict, Forbidden, NotFound
from agents.panel.operations.operations import Operations
from agents.panel.page import Page, PageContext
from agents.panel.security import csrf
from agents.panel.security.cookies import Cookies
from agents.panel.security.log_in import LogIns
from agents.panel.security.passwords import TooBusy
from pipeline.errors import BrokerError, LogUnavailable, RuleViolated, SecretUnreadable
from pipeline.http.client_address import Networks, client_address
from schemas.directory.account import Account
from schemas.directory.people import PanelUser

READ_TIMEOUT_SECONDS: Final = 30.0

log = structlog.get_logger(__name__)


class Guard:
    """Turns `Page`s into aiohttp's handlers, which run only for those who may."""

    def __init__(
        self,
        operations: Operations,
        templates: jinja2.Environment,
        log_ins: LogIns,
        cookies: Cookies,
        trusted_proxies: Networks,
    ) -> None:
        self._operations = operations
        self._templates = templates
        self._log_ins = log_ins
        self._cookies = cookies
        self._trusted_proxies = trusted_proxies
        self._visitors = csrf.Visitors()

    def handler(self, page: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return what aiohttp calls for `page`."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._respond(request, page)

        return handle

    async def not_found(self, request: web.Request) -> web.StreamResponse:
        """Answer a path that is none of ours."""
        return await self._respond(request, None)

    async def _respond(self, request: web.Request, page: Page | None) -> web.StreamResponse:
        visitor = self._cookies.visitor(request) or self._visitors.new_cookie()
        context = self._context(request, visitor)
        try:
            response = await self._authorized(context, page)
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the browser gets a page and no stack trace
            response = self._error_page(context, error)
        if context.new_session_id is not None:
            self._log_ins.sessions.end(self._cookies.session(request))
            self._cookies.set_session(response, context.new_session_id)
            if context.new_device is not None:
                self._cookies.set_device(response, context.new_device)
        elif context.session is None and not self._cookies.visitor(request):
            self._cookies.set_visitor(response, visitor)
        return response

    def _context(self, request: web.Request, visitor: str) -> PageContext:
        address = client_address(request.remote, request.headers.getall("X-Forwarded-For", ()), self._trusted_proxies)
        ip = str(address) if address else None
        found = self._log_ins.sessions.find(
            self._cookies.session(request), lambda user_id: self._operations.directory.get(PanelUser, user_id)
        )
        context = PageContext(
            request,
            self._operations,
            self._templates,
            self._log_ins,
            self._visitors.token(visitor),
            ip,
            self._cookies.origin(request),
            device=self._cookies.device(request),
        )
        if found is not None and self._account_is_open(found[1]):
            context.session = found[0]
            self._operations.last_uses.note("user", found[1].id)
            context.csrf_token = found[0].csrf_token
            context.known_actor = Actor.of_user(found[1], ip)
        return context

    def _account_is_open(self, user: PanelUser) -> bool:
        return user.account_id is None or self._operations.directory.get(Account, user.account_id) is not None

    async def _authorized(self, context: PageContext, page: Page | None) -> web.StreamResponse:
        if page is None:
            raise NotFound("There is no such page.")
        request = context.request
        if request.method not in csrf.SAFE:
            await self._check_unsafe(context)
        if not page.for_visitors:
            if context.known_actor is None:
                return _to_log_in(context)
            if page.permission is not None:
                context.actor.must(page.permission)
        return await page.handler(context)

    async def _check_unsafe(self, context: PageContext) -> None:
        request = context.request
        if not csrf.comes_from_us(request.headers, self._cookies.origin(request)):
            raise Forbidden("This request does not come from a page of this panel.")
        try:
            async with asyncio.timeout(READ_TIMEOUT_SECONDS):
                context.form = await request.post()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except (ValueError, AssertionError):  # what aiohttp says to a broken multipart body
            raise web.HTTPBadRequest from None
        token = request.headers.get(csrf.HEADER) or context.text(csrf.FIELD)
        if not csrf.same(token, context.csrf_token):
            raise Forbidden("This form is too old, or you have logged in again since. Go back, reload and try again.")

    def _error_page(self, context: PageContext, error: Exception) -> web.StreamResponse:
        status, title, detail = explain(error)
        if isinstance(error, web.HTTPRedirection):  # raised deep inside a handler; aiohttp wants no exception returned
            return context.redirect(error.headers["Location"])
        if status == 500:
            log.error("page_failed", path=_pattern(context.request), error=repr(error), exc_info=error)
        if context.wants_json:
            problems = error.problems if isinstance(error, RuleViolated) else []
            return context.json({"error": title, "detail": detail, "problems": problems}, status)
        response = context.render("error.html", status=status, title=title, detail=detail)
        if status == 503:
            response.headers["Retry-After"] = "5"
        return response


def explain(error: Exception) -> tuple[int, str, str]:
    """Return status, title and detail of an error, for a person."""
    if isinstance(error, NotFound):
        return 404, "Not found", str(error)
    if isinstance(error, Forbidden):
        return 403, "Not allowed", str(error)
    if isinstance(error, Conflict):
        return 409, "Changed meanwhile", str(error)
    if isinstance(error, RuleViolated):
        return 422, "This cannot be done", "; ".join(what for _, what in error.problems)
    if isinstance(error, BrokerError):
        return (
            503,
            "Kafka does not answer",
            "The panel cannot reach the message broker at the moment. A change that you have just made may or may "
            "not be in force: look again in a few seconds.",
        )
    if isinstance(error, LogUnavailable):
        if error.too_slow:
            return (
                422,
                "This search takes too long",
                "Narrow it down: to fewer days, or to one trunk.",
            )
        return (
            503,
            "The message log does not answer",
            "What became of messages cannot be shown at the moment; nothing of it is lost. Try again in a few seconds.",
        )
    if isinstance(error, TooBusy):
        return 503, "Too busy", "Too many things at once. Try again in a moment."
    if isinstance(error, SecretUnreadable):
        return 409, "Sealed with another key", "This password was sealed with a key that is gone. Regenerate it."
    if isinstance(error, web.HTTPException):
        return error.status, error.reason, "The request could not be read."
    return 500, "Something went wrong", "That is our fault. It has been written to the log."


def _pattern(request: web.Request) -> str:
    """Return a page's address as it is declared: what stands in it may be a secret."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def _to_log_in(context: PageContext) -> web.StreamResponse:
    if context.wants_json or context.fragment:
        return context.json({"error": "Logged out", "detail": "Log in again.", "log_in": "/login"}, 401)
    if context.request.method not in csrf.SAFE or context.request.path == "/":
        return context.redirect("/login")
    return web.Response(status=303, headers={"Location": _log_in_path(context.request.path_qs)})


def _log_in_path(wanted: str) -> str:
    return f"/login?next={quote(wanted, safe='/')}"
