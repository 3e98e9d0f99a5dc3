"""Help: what is worth knowing by what is asked, and the reference of both APIs, drawn from their OpenAPI document."""

from typing import Final

from aiohttp import web

from agents.panel.page import Page, PageContext
from agents.panel.pages.trunks.examples import PATH
from schemas.messages.status import CodeId

CODES: Final[dict[int, tuple[str, str]]] = {
    CodeId.NO_ROUTES_FOUND: ("No route leads to this destination.", "Ask your operator for one."),
    CodeId.NO_RATE_FOUND: ("There is no rate for this destination.", "Ask your operator for one."),
    CodeId.INTERNAL_ERROR: ("Something failed on our side.", "Send it again; tell your operator when it stays."),
    CodeId.TRUNK_BLOCKED: ("The trunk is blocked, or was deleted.", "Switch Blocked off in its form."),
    CodeId.IN_DOUBT: ("The carrier may or may not have taken it.", "Ask whether it arrived before you send it again."),
    CodeId.ACCOUNT_BLOCKED: ("The account is blocked.", "Ask your operator to unblock it."),
    CodeId.SOURCE_NOT_ALLOWED: (
        "The trunk may not send from this source, or the sender is not good for the country.",
        "Use a number with Outbound P2P SMS that the trunk allows, or a sender registered for the country.",
    ),
    CodeId.DESTINATION_NOT_ALLOWED: (
        "This is no number to send to, in a country that the trunk does not send to, one that has opted out, or one"
        " that has had too many messages.",
        "The reason says which. Numbers begin with the country code; countries are allowed in the trunk's form.",
    ),
    CodeId.CAMPAIGN_NOT_FOUND: ("The campaign was not found, or is blocked.", "The page of campaigns has their ids."),
    CodeId.CAMPAIGN_DOES_NOT_COVER: (
        "The campaign does not cover this source or this trunk.",
        "Send from one of its senders and trunks, or without it.",
    ),
    CodeId.INSUFFICIENT_BALANCE: ("The balance does not suffice.", "Top it up."),
    CodeId.ALL_ATTEMPTS_FAILED: ("No attempt succeeded while the message was still wanted.", "Send it again later."),
    CodeId.NO_ENCODING: ("The text has characters that no SMS can carry.", "Leave them out."),
    CodeId.DEFRAGMENTATION_FAILED: ("The segments could not be put together.", "Send it again."),
    CodeId.ROUTING_FAILED: (
        "The carrier refused the message.",
        "Check number and text, then ask your operator.",
    ),
}
"""What each code means, and what to do about it."""


async def guide(context: PageContext) -> web.StreamResponse:
    """Show what is worth knowing before sending."""
    codes = [(int(code), meaning, advice) for code, (meaning, advice) in CODES.items()]
    return context.render("help/guide.html", section="help", path=PATH, codes=codes)


async def reference(context: PageContext) -> web.StreamResponse:
    """Show the reference of the APIs; scripts draw it, and without them the document itself is linked."""
    return context.render("help/reference.html", section="help-api")


PAGES = (Page("GET", "/help", guide, permission=None), Page("GET", "/help/api", reference, permission=None))
