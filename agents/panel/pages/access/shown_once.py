"""A secret that is shown when it is made, and not kept."""

from aiohttp import web

from agents.panel.page import PageContext


def shown_once(
    context: PageContext, *, section: str, heading: str, about: str, label: str, secret: str, back: str
) -> web.Response:
    """Return the window with the secret; `back` is where it leads when that has been copied."""
    return context.render(
        "shown_once.html", section=section, heading=heading, about=about, label=label, secret=secret, back=back
    )
