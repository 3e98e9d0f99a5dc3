"""An invitation: who was invited chooses a password, and logs in with it."""

from aiohttp import web

from agents.panel.page import Page, PageContext
from agents.panel.pages.parts.forms import Problems, by_field, unsaved
from pipeline.errors import BrokerError, RuleViolated


async def show(context: PageContext) -> web.StreamResponse:
    """Show the form. Raises `NotFound` for an invitation that is over."""
    return _form(context, {})


async def accept(context: PageContext) -> web.StreamResponse:
    """Take the password, and lead to the log-in."""
    token, new = context.request.match_info["token"], context.text("new_password")
    try:
        user = await context.operations.users.accept(token, new, context.text("again"), context.ip)
    except RuleViolated as error:
        return _form(context, by_field(error), 422)
    except BrokerError as error:
        return _form(context, unsaved(error), 503)
    done = ("good", "Your password has been set. Log in with it.")
    return context.render("login.html", email=user.email, problem=None, next="/", flashes=[done])


def _form(context: PageContext, problems: Problems, status: int = 200) -> web.Response:
    token = context.request.match_info["token"]
    email = context.operations.users.invited(token).email
    return context.render("users/invitation.html", status=status, email=email, token=token, problems=problems)


PAGES = (
    Page("GET", "/invitation/{token}", show, for_visitors=True),
    Page("POST", "/invitation/{token}", accept, for_visitors=True),
)
