"""One's own second factor: switched on with a code of the app that has its secret, and off with another."""

import segno
from aiohttp import web
from markupsafe import Markup

from agents.panel.page import Page, PageContext
from agents.panel.pages.parts.forms import Problems, unsaved
from agents.panel.pages.parts.navigation import go_to
from agents.panel.security.one_time_codes import address, new_secret
from pipeline.errors import BrokerError

WRONG = "is not the code of this moment: wait for the next one"


async def show(context: PageContext) -> web.StreamResponse:
    """Show whether it is on; if not, a new secret for the app."""
    return _form(context, {})


async def switch(context: PageContext) -> web.StreamResponse:
    """Switch it on or off, when the code is right."""
    factors, session = context.operations.second_factors, context.session
    user = factors.own(context.actor)
    secret, was_on = factors.of(user), user.second_factor is not None
    if secret is None and session is not None:
        secret = session.new_factor
    if secret is None or not context.log_ins.codes.accept(user.id, secret, context.text("code")):
        return _form(context, {"code": [WRONG]}, 422)
    try:
        await (factors.switch_off(context.actor) if was_on else factors.switch_on(context.actor, secret))
    except BrokerError as error:
        return _form(context, unsaved(error), 503)
    if session is not None:
        session.new_factor = None
    context.flash(
        "good",
        "The second factor is off: the password alone is asked for."
        if was_on
        else "The second factor is on: from the next log-in on a code is asked for.",
    )
    return go_to(context, "/second-factor")


def _form(context: PageContext, problems: Problems, status: int = 200) -> web.Response:
    user, session = context.operations.second_factors.own(context.actor), context.session
    secret = None
    if user.second_factor is None and session is not None:
        secret = session.new_factor = session.new_factor or new_secret()
    return context.render(
        "users/second_factor.html",
        status=status,
        problems=problems,
        is_on=user.second_factor is not None,
        secret=secret and " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        address=secret and address(secret, user.email),
        picture=secret and _picture(address(secret, user.email)),
    )


def _picture(text: str) -> Markup:
    """Return a QR code (ISO/IEC 18004) as SVG, black on white in either scheme: apps read no other."""
    # Made of the path's own characters alone; the text is not in it.
    return Markup(segno.make_qr(text, error="m").svg_inline(scale=4, border=4, light="#fff", omitsize=True))  # noqa: S704


PAGES = (
    Page("GET", "/second-factor", show, permission=None),
    Page("POST", "/second-factor", switch, permission=None),
)
