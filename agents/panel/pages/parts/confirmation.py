"""The question before something that cannot be taken back."""

from collections.abc import Sequence

from aiohttp import web

from agents.panel.page import PageContext
from agents.panel.pages.parts.forms import Problems


def confirmation(
    context: PageContext,
    *,
    section: str,
    heading: str,
    question: str,
    names: Sequence[str],
    action: str,
    back: str,
    verb: str,
    consequence: str = "",
    fields: Sequence[tuple[str, str]] = (),
    icon: str = "trash",
    dismiss: str = "Cancel",
    problems: Problems | None = None,
    status: int = 200,
) -> web.Response:
    """Return the question; `names` says what it is about.

    `fields` is what the POST to `action` carries beside the token, `back` is where `dismiss` leads, the word for
    changing one's mind.
    """
    return context.render(
        "confirm.html",
        status=status,
        section=section,
        heading=heading,
        question=question,
        names=names,
        consequence=consequence,
        fields=fields,
        action=action,
        back=back,
        verb=verb,
        icon_name=icon,
        dismiss=dismiss,
        problems=problems or {},
    )
