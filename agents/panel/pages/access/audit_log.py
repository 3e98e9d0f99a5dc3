"""The audit log: who did what, when and from where."""

import re
from typing import Any, Final

from aiohttp import web

from agents.panel.page import Page, PageContext
from agents.panel.pages.listing import ListPage
from schemas.directory.audit import AuditEvent

_WORDS: Final = {"paneluser": "user", "apikey": "API key", "did": "number", "url": "URL", "ips": "IPs"}
LIST = ListPage("/audit", "audit", "audit/list.html", filters=("text",))


async def show(context: PageContext) -> web.StreamResponse:
    """Show the newest events of the account; to operators who have chosen none, all."""
    query = LIST.query(context)
    part = context.operations.audit_events.list(
        context.actor, account_id=context.account_id, text=query.filters["text"], paging=query.paging
    )
    return LIST.render(context, query, part, _row)


def _row(event: AuditEvent) -> dict[str, Any]:
    return {
        "at": f"{event.at:%Y-%m-%d %H:%M:%S}",
        "at_iso": event.at.isoformat(),
        "who": event.actor,
        "action": _in_words(event.action),
        "what": event.target_name or event.target or "",
        "address": event.ip or "",
        "changes": [
            {"label": _in_words(it.attribute), "before": it.before, "after": it.after} for it in event.differences
        ],
    }


def _in_words(name: str) -> str:
    """Return `trunk.created` or `callback_url` as people read it."""
    found = [_WORDS.get(word, word) for word in re.split(r"[._ ]", name)]
    words = " ".join(found).replace("api key", "API key")
    return words[:1].upper() + words[1:]


PAGES = (Page("GET", "/audit", show),)
