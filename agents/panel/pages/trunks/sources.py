"""What the two-list picker asks for: numbers that a trunk can send from."""

from typing import Final

from aiohttp import web

from agents.panel.page import Page, PageContext
from agents.panel.pages.navigation import need_account

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


PAGES = (Page("GET", "/sms/sources", find),)
