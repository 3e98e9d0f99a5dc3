"""What a page handler is given, and what it declares.

A handler is `async def handler(context: PageContext) -> web.StreamResponse`. `agents.panel.pages.PAGES` lists them as
`Page(method, path, handler, permission)`. Before a handler runs, `Guard` has found the session, asked for the
permission, checked origin and CSRF token of unsafe methods, and read the form. Errors of operations that a handler
does not catch become error pages (403, 404, 409, 422, 503).
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import jinja2
from aiohttp import web
from multidict import MultiDict, MultiDictProxy

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.operations import Operations
from agents.panel.security.log_in import CodeAwaited, LoggedIn, LogInRefused, LogIns
from agents.panel.security.sessions import Flash, Session
from schemas.directory.account import Account

FRAGMENT_HEADER: Final = "X-Fragment"
"""A script asks with it for the bare content of a page, to show it in a dialog."""

FormFields = MultiDictProxy[str | bytes | bytearray | web.FileField]


@dataclass(slots=True)
class PageContext:
    """One request of a browser."""

    request: web.Request
    operations: Operations
    templates: jinja2.Environment
    log_ins: LogIns
    csrf_token: str
    ip: str | None
    origin: str = ""
    """Where browsers reach this panel, `https://sms.example`."""
    session: Session | None = None
    known_actor: Actor | None = None
    form: FormFields = field(default_factory=lambda: MultiDictProxy(MultiDict()))
    """The fields of an unsafe request's form; its `csrf_token` has been checked."""
    device: str = ""
    """The cookie of a browser that may be known."""
    new_session_id: str | None = None
    """Set by `log_in`; "" by `log_out`. `Guard` turns it into a cookie."""
    new_device: str | None = None
    """Set by `log_in`, in the same way."""

    @property
    def actor(self) -> Actor:
        """Who is logged in. Pages for visitors must not ask."""
        if self.known_actor is None:
            raise web.HTTPUnauthorized
        return self.known_actor

    @property
    def account_id(self) -> str | None:
        """The account that this is about: one's own; for operators the chosen one, None being none yet."""
        return self.session.account_id if self.session else None

    @property
    def account(self) -> Account | None:
        """The same as an entry."""
        return self.operations.directory.account(self.account_id) if self.account_id else None

    @property
    def fragment(self) -> bool:
        """Whether a script wants the bare content."""
        return FRAGMENT_HEADER in self.request.headers

    @property
    def wants_json(self) -> bool:
        """Whether a script wants data."""
        return "application/json" in self.request.headers.get("Accept", "")

    def text(self, name: str, default: str = "") -> str:
        """Return a text field of the form; a file in its place is none."""
        value = self.form.get(name, default)
        return value if isinstance(value, str) else default

    def checked(self, name: str) -> bool:
        """Tell whether a check box was ticked."""
        return self.text(name) not in ("", "off", "false", "0")

    def texts(self, name: str) -> list[str]:
        """Return all values of a field."""
        return [value for value in self.form.getall(name, []) if isinstance(value, str)]

    def render(self, template: str, *, status: int = 200, **values: Any) -> web.Response:
        """Return a page. Templates get `me`, `account`, `csrf_token`, `flashes`, `fragment`, `can`, `static` too."""
        flashes: list[Flash] = self.session.take_flashes() if self.session and not self.fragment else []
        common = {
            "me": self.known_actor,
            "account": self.account,
            "csrf_token": self.csrf_token,
            "flashes": flashes,
            "fragment": self.fragment,
            "section": "",
            "can": self.known_actor.can if self.known_actor else lambda _: False,
        }
        text = self.templates.get_template(template).render({**common, **values})
        return web.Response(text=text, status=status, content_type="text/html")

    def json(self, value: Any, status: int = 200) -> web.Response:
        """Return data for a script."""
        return web.Response(text=json.dumps(value), status=status, content_type="application/json")

    def redirect(self, path: str) -> web.Response:
        """Return a 303 to one of our own paths."""
        return web.Response(status=303, headers={"Location": local_path(path)})

    def flash(self, kind: str, text: str) -> None:
        """Say something on the next page: `good`, `bad` or `info`."""
        if self.session is not None:
            self.session.flash(kind, text)

    def choose_account(self, account_id: str) -> None:
        """Let an operator work in an account from now on. Raises `NotFound`."""
        self.operations.accounts.get(self.actor, account_id)
        if self.session is not None:
            self.session.account_id = account_id

    async def log_in(self, email: str, password: str) -> LogInRefused | CodeAwaited | None:
        """Log in: a new session, or what is in the way. The response that the handler returns carries the cookie."""
        return self._logged_in(await self.log_ins.log_in(email, password, self.ip, self.device))

    async def enter_code(self, ticket: str, code: str) -> LogInRefused | CodeAwaited | None:
        """Go on with a log-in that waits for a one-time code."""
        return self._logged_in(await self.log_ins.enter_code(ticket, code, self.ip))

    def _logged_in(self, outcome: LoggedIn | CodeAwaited | LogInRefused) -> LogInRefused | CodeAwaited | None:
        if not isinstance(outcome, LoggedIn):
            return outcome
        self.new_session_id, self.session, self.new_device = outcome.session_id, outcome.session, outcome.device
        return None

    async def log_out(self) -> None:
        """End the session."""
        await self.log_ins.log_out(self.actor)
        self.new_session_id = ""

    async def change_password(self, old: str, new: str, repeated: str) -> None:
        """Change one's own password; this session goes on under a new id, all others end.

        Raises `RuleViolated` with the fields `old_password`, `new_password` and `again`.
        """
        user = await self.operations.users.change_own_password(self.actor, old, new, repeated)
        self.new_session_id, session = self.log_ins.sessions.begin(user)
        session.account_id = self.account_id
        self.session = session


Handler = Callable[[PageContext], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the panel. `permission` None: everybody who is logged in; `for_visitors`: also who is not."""

    method: str
    path: str
    handler: Handler
    permission: Permission | None = Permission.SEE
    for_visitors: bool = False


def local_path(wanted: str) -> str:
    """Return `wanted` when it leads to one of our own paths, else `/`."""
    # Browsers read a backslash as a slash, and drop tabs and line breaks: `/\host` would leave us.
    if not wanted.startswith("/") or wanted.startswith("//") or "\\" in wanted or not wanted.isprintable():
        return "/"
    return quote(wanted, safe="/?&=%+,:;@!$'()*~#-._")
