"""What the two-list picker and the field of a message's sender ask for: numbers that a trunk can send from."""

from typing import Final

from aiohttp import web

from agents.panel.page import Page, PageContext
from agents.panel.pages.navigation import need_account

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
    """Answer in the same form with the numbers that a trunk may send from now, at most `SUGGESTED` of them."""
    search = "".join(filter(str.isdigit, context.request.query.get("search", "")[:32]))
    sources = context.operations.trunks.sources_of(context.actor, context.request.match_info["id"])
    found = [it for it in sources if search in it]
    return context.json({"numbers": found[:SUGGESTED], "total": len(found)})


PAGES = (
    Page("GET", "/sms/sources", find),
    Page("GET", "/sms/trunks/{id}/sources", of_trunk),
)
