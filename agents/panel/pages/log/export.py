"""The log as CSV, plain or compressed: it streams as it is found, so that its size costs no memory and no patience."""

import asyncio
import csv
import io
import re
import zlib
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from agents.panel.page import Page, PageContext
from agents.panel.pages.log.choices import trunk_name
from agents.panel.pages.log.criteria import read_criteria
from agents.panel.pages.log.messages import PATH, campaign_of
from agents.panel.pages.parts.navigation import need_account
from agents.panel.security.headers import EVERYWHERE, NOT_KEPT
from agents.panel.security.sessions import Export
from pipeline.errors import LogUnavailable, RuleViolated
from pipeline.message_log.reading.message import LoggedMessage

COLUMNS: Final = (
    "id", "accepted_at_utc", "ended_at_utc", "trunk", "source", "destination", "status", "code_id", "reason",
    "delivery_status", "encoding", "segments", "segments_sent", "price", "currency", "text",
    "client_reference", "tags", "send_at_utc", "campaign",
)  # fmt: skip
GZIP: Final = 31  # zlib's window bits for gzip's format
FORMULA: Final = frozenset("=+-@\t\r")
"""What a spreadsheet takes for the beginning of a formula."""
_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


async def plain(context: PageContext) -> web.StreamResponse:
    """Stream CSV."""
    return await _stream(context, compressed=False)


async def compressed(context: PageContext) -> web.StreamResponse:
    """Stream compressed CSV."""
    return await _stream(context, compressed=True)


async def _stream(context: PageContext, *, compressed: bool) -> web.StreamResponse:
    account_id = need_account(context)
    criteria = read_criteria(context.request.query, datetime.now(UTC))
    if criteria.problems:
        raise RuleViolated([(name, text) for name, texts in criteria.problems.items() for text in texts])
    keeps_text = context.operations.message_search.keeps_text(account_id)
    pages = context.operations.message_search.everything(context.actor, account_id, criteria.search)
    first: list[LoggedMessage] = await anext(pages, [])  # what can go wrong at once becomes a page that says so
    packer = zlib.compressobj(6, zlib.DEFLATED, GZIP) if compressed else None
    name = f"outbound-sms-{datetime.now(UTC):%Y%m%d-%H%M%S}.csv{'.gz' if compressed else ''}"
    response = web.StreamResponse(
        headers={
            **EVERYWHERE, **NOT_KEPT,
            "Content-Type": "application/gzip" if compressed else "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}"',
        }
    )  # fmt: skip
    await response.prepare(context.request)
    progress = _begun(context)

    async def write(text: str) -> None:
        data = text.encode()
        if packer is not None:
            data = await asyncio.to_thread(packer.compress, data)
        if data:
            await response.write(data)

    await write(",".join(COLUMNS) + "\r\n")
    try:
        await write(_lines(context, first, keeps_text=keeps_text))
        progress.rows = len(first)
        async for found in pages:
            await write(_lines(context, found, keeps_text=keeps_text))
            progress.rows += len(found)
        progress.ended = True
    except LogUnavailable:
        # The head is gone: only a connection that breaks says that this is not all.
        if context.request.transport is not None:
            context.request.transport.abort()
        return response
    finally:
        progress.broken = not progress.ended
    if packer is not None:
        await response.write(packer.flush())
    await response.write_eof()
    return response


def _begun(context: PageContext) -> Export:
    name = context.request.query.get("progress", "")
    if context.session is None or not _NAME.fullmatch(name):
        return Export()
    return context.session.begin_export(name)


async def progress(context: PageContext) -> web.StreamResponse:
    """Tell a script how far a download is."""
    session = context.session
    return context.json(asdict(Export() if session is None else session.export(context.request.match_info["name"])))


def _lines(context: PageContext, messages: Iterable[LoggedMessage], *, keeps_text: bool) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    for it in messages:
        writer.writerow(
            [
                it.id, it.accepted_at.isoformat(), "" if it.ended_at is None else it.ended_at.isoformat(),
                _harmless(trunk_name(context, it.trunk_id)), _harmless(it.source), it.destination, it.state,
                it.code_id, _harmless(it.reason), _harmless(it.delivery_status), it.encoding, it.segments,
                it.segments_sent, it.price, it.currency, _harmless(it.content) if keeps_text else "",
                _harmless(it.client_reference), _harmless(", ".join(it.tags)),
                "" if it.send_at is None else it.send_at.isoformat(),
                _harmless(campaign_of(context, it)),
            ]
        )  # fmt: skip
    return text.getvalue()


def _harmless(text: str | None) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    if not text:
        return ""
    return f"'{text}" if text[0] in FORMULA else text


PAGES = (
    Page("GET", f"{PATH}/export.csv", plain),
    Page("GET", f"{PATH}/export.csv.gz", compressed),
    Page("GET", f"{PATH}/exports/{{name}}", progress),
)
