"""Log in, log out, and one's own password."""

from aiohttp import web

from agents.panel.page import Page, PageContext, local_path
from agents.panel.pages.parts.forms import Problems, by_field, unsaved
from agents.panel.pages.parts.navigation import go_to
from agents.panel.security.log_in import TOO_LATE, CodeAwaited, LogInRefused
from pipeline.errors import BrokerError, RuleViolated

NOT_RECORDED = "The message broker does not answer, and nobody logs in unrecorded. Try again in a moment."


async def show_log_in(context: PageContext) -> web.StreamResponse:
    """Show the form; who is logged in already goes on."""
    wanted = context.request.query.get("next", "/")
    if context.known_actor is not None:
        return context.redirect(wanted)
    return context.render("login.html", email="", problem=None, next=local_path(wanted))


async def log_in(context: PageContext) -> web.StreamResponse:
    """Check email and password; the two kinds of wrong look the same."""
    email, wanted = context.text("email").strip(), local_path(context.text("next", "/"))
    try:
        refused = await context.log_in(email, context.text("password"))
    except BrokerError:  # who logs in is written down first
        refused = LogInRefused(NOT_RECORDED, 503, 5)
    if refused is None:
        return context.redirect(wanted)
    if isinstance(refused, CodeAwaited):
        return context.render("log_in_code.html", ticket=refused.ticket, problem=None, next=wanted)
    return _refusal(context, refused, "login.html", email=email, next=wanted)


async def enter_code(context: PageContext) -> web.StreamResponse:
    """Check the one-time code, which is asked for after the password."""
    ticket, wanted = context.text("ticket"), local_path(context.text("next", "/"))
    try:
        refused = await context.enter_code(ticket, context.text("code"))
    except BrokerError:
        refused = LogInRefused(NOT_RECORDED, 503, 5)
    if refused is None or isinstance(refused, CodeAwaited):
        return context.redirect(wanted)
    if refused.message == TOO_LATE:
        return _refusal(context, refused, "login.html", email="", next=wanted)
    return _refusal(context, refused, "log_in_code.html", ticket=ticket, next=wanted)


def _refusal(context: PageContext, refused: LogInRefused, template: str, **values: str) -> web.Response:
    response = context.render(template, status=refused.status, problem=refused.message, **values)
    if refused.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(refused.retry_after_seconds)
    return response


async def log_out(context: PageContext) -> web.StreamResponse:
    """End the session."""
    await context.log_out()
    return context.redirect("/login")


async def show_password(context: PageContext) -> web.StreamResponse:
    """Show the form to change one's own password."""
    return _password_form(context, {})


async def change_password(context: PageContext) -> web.StreamResponse:
    """Change one's own password; every other session of this person ends."""
    new, repeated = context.text("new_password"), context.text("again")
    try:
        await context.change_password(context.text("old_password"), new, repeated)
    except RuleViolated as error:
        return _password_form(context, by_field(error), 422)
    except BrokerError as error:
        return _password_form(context, unsaved(error), 503)
    context.flash("good", "Your password has been changed. You are logged out everywhere else.")
    return go_to(context, "/")


def _password_form(context: PageContext, problems: Problems, status: int = 200) -> web.Response:
    return context.render("users/own_password.html", status=status, problems=problems)


async def start(context: PageContext) -> web.StreamResponse:
    """Lead to the first page."""
    return context.redirect("/overview")


PAGES = (
    Page("GET", "/", start),
    Page("GET", "/login", show_log_in, for_visitors=True),
    Page("POST", "/login", log_in, for_visitors=True),
    Page("POST", "/login/code", enter_code, for_visitors=True),
    Page("POST", "/logout", log_out, permission=None),
    Page("GET", "/password", show_password, permission=None),
    Page("POST", "/password", change_password, permission=None),
)
