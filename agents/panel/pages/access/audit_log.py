"""The audit log: who did what, when and from where."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from aiohttp import web

from agents.panel.page import Page, PageContext
from agents.panel.pages.parts.listing import ListPage, ListQuery
from schemas.directory.audit import AuditEvent

_WORDS: Final = {
    "paneluser": "user",
    "apikey": "API key",
    "did": "number",
    "optout": "opt-out",
    "url": "URL",
    "ips": "IPs",
}
LIST = ListPage("/audit", "audit", "audit/list.html", filters=("text", "since", "until"))
EXPORT: Final = "/audit/export"
COLUMNS: Final = ("time", "actor", "action", "target", "target_name", "address", "attribute", "before", "after")


async def show(context: PageContext) -> web.StreamResponse:
    """Show the newest events of the account; to operators who have chosen none, all."""
    query = LIST.query(context)
    part = context.operations.audit_events.list(context.actor, paging=query.paging, **_wanted(context, query))
    return LIST.render(context, query, part, _row, export=query.url_of(EXPORT))


async def export(context: PageContext) -> web.StreamResponse:
    """Answer with the same events as CSV, every change on a line of its own."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": 'attachment; filename="audit.csv"'}
    )
    await response.prepare(context.request)
    await response.write(_csv([COLUMNS]))
    events = context.operations.audit_events.all(context.actor, **_wanted(context, LIST.query(context)))
    for some in batched(events, 500):
        await response.write(_csv(line for event in some for line in _lines(event)))
    await response.write_eof()
    return response


def _wanted(context: PageContext, query: ListQuery) -> dict[str, Any]:
    filters = query.filters
    return {
        "account_id": context.account_id,
        "text": filters["text"],
        "since": moment(filters["since"]),
        "until": moment(filters["until"]),
    }


def moment(text: str) -> datetime | None:
    """Return a time as a form's field has it, in UTC; None when it is none."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


def _lines(event: AuditEvent) -> Iterator[list[str]]:
    about = [
        event.at.astimezone(UTC).isoformat(timespec="milliseconds"), event.actor, event.action, event.target or "",
        event.target_name or "", event.ip or "",
    ]  # fmt: skip
    for it in event.differences:
        yield [*about, it.attribute, it.before or "", it.after or ""]
    if not event.differences:
        yield [*about, "", "", ""]


def _csv(lines: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    # A spreadsheet takes what begins with these for a formula.
    csv.writer(text).writerows([f"'{it}" if it[:1] in "=+-@\t\r" and it else it for it in line] for line in lines)
    return text.getvalue().encode()


def batched(items: Iterable[AuditEvent], size: int) -> Iterator[list[AuditEvent]]:
    """Return items in lists of a size."""
    source = iter(items)
    while some := list(islice(source, size)):
        yield some


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


PAGES = (Page("GET", "/audit", show), Page("GET", EXPORT, export))
