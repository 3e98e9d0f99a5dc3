"""What the two-list picker and the field of a message's sender ask for: what a trunk can send from."""

from collections.abc import Iterable, Sequence
from typing import Final

from aiohttp import web

from agents.panel.page import Page, PageContext
from agents.panel.pages.parts.forms import phone_digits
from agents.panel.pages.parts.navigation import need_account
from schemas.directory.campaign import Campaign

SUGGESTED: Final = 20
MOST: Final = 100_000
"""As many as a trunk can list."""


async def find(context: PageContext) -> web.StreamResponse:
    """Answer `{"numbers": [...], "total": n}`: P2P-enabled DIDs that contain `search`, at most `limit` of them."""
    query = context.request.query
    account_id = query.get("account_id") or need_account(context)
    search, limit = query.get("search", "")[:32], query.get("limit", "")
    found = [it for it in context.operations.trunks.available_sources(context.actor, account_id) if search in it]
    most = min(int(limit), MOST) if limit.isascii() and limit.isdigit() and len(limit) < 9 else 200
    return context.json({"numbers": found[:most], "total": len(found)})


async def of_trunk(context: PageContext) -> web.StreamResponse:
    """Answer in the same form with what a trunk may send from now, at most `SUGGESTED` of it.

    A number may be searched for as people write it. What only campaigns let it send from comes last.
    """
    typed = phone_digits(context.request.query.get("search", "")[:32]).casefold()
    digits = "".join(filter(str.isdigit, typed))
    trunk_id = context.request.match_info["id"]
    sources, within_campaigns = sources_of(
        context, trunk_id, context.operations.campaigns.through(context.actor, trunk_id)
    )
    found = [it for it in (*sources, *within_campaigns) if typed in it.casefold() or (digits and digits in it)]
    return context.json({"numbers": found[:SUGGESTED], "total": len(found)})


def sources_of(
    context: PageContext, trunk_id: str, campaigns: Iterable[Campaign]
) -> tuple[Sequence[str], Sequence[str]]:
    """Return what a trunk may send from now by itself, and what only within one of the `campaigns` that cover it."""
    sources = context.operations.trunks.sources_of(context.actor, trunk_id)
    covered = {sender for it in campaigns if not it.blocked for sender in it.senders}
    return sources, sorted(covered.difference(sources))


PAGES = (
    Page("GET", "/sms/sources", find),
    Page("GET", "/sms/trunks/{id}/sources", of_trunk),
)
