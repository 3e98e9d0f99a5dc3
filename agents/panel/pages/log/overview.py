"""The first page: how messages fare, what goes wrong and where; and what is left to do before the first message."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from aiohttp import web

from agents.panel.page import Page, PageContext
from agents.panel.pages.guide import CODES
from agents.panel.pages.log.chart import Chart, stacked, time_words
from agents.panel.pages.log.choices import trunk_choices, trunk_name
from agents.panel.pages.parts.navigation import need_account
from pipeline.errors import LogUnavailable
from pipeline.message_log.reading.callback_log import Endpoint
from pipeline.message_log.reading.message import MEANINGS
from pipeline.message_log.reading.statistics import Outcome, Statistics, Stretch

PATH: Final = "/overview"
WORST: Final = 5
RANGES: Final = {
    "1h": ("Last hour", 60, timedelta(minutes=1)),
    "1d": ("Last 24 hours", 48, timedelta(minutes=30)),
    "7d": ("Last 7 days", 42, timedelta(hours=4)),
    "30d": ("Last 30 days", 30, timedelta(days=1)),
}
"""Words, how many slots, and how long each."""
DEFAULT_RANGE: Final = "1d"
EVERYWHERE: Final = "all"
KINDS: Final = (
    (Outcome.SENT, "sent"),
    (Outcome.UNDELIVERED, "not delivered"),
    (Outcome.NOT_SENT, "not sent"),
    (Outcome.IN_PROGRESS, "in progress"),
    (Outcome.SCHEDULED, "scheduled"),
)


async def show(context: PageContext) -> web.StreamResponse:
    """Show the overview of an account, of a trunk, or of everything for operators."""
    query = context.request.query
    everywhere = context.actor.is_operator and (query.get("of") == EVERYWHERE or context.account is None)
    account_id = None if everywhere else need_account(context)
    chosen = query.get("range", "")
    wanted = chosen if chosen in RANGES else DEFAULT_RANGE
    trunks = [] if account_id is None else trunk_choices(context, account_id)
    asked = query.get("trunk", "")
    trunk_id = asked if asked in dict(trunks) and asked else None
    stretch = _stretch(wanted, account_id, trunk_id)
    values: dict[str, Any] = {"progress": None, "unavailable": None, "found": None, "endpoints": []}
    overview = context.operations.overview
    try:
        found = await overview.statistics(context.actor, stretch)
        values |= _figures(context, found, stretch, account_id)
        values["endpoints"] = [_endpoint(context, it) for it in await overview.endpoints(context.actor, stretch)][
            :WORST
        ]
        if account_id is not None:
            values["progress"] = await overview.progress(context.actor, account_id)
    except LogUnavailable as error:
        values["unavailable"] = str(error)
        if account_id is not None:
            values["progress"] = await overview.progress(context.actor, account_id, asks_log=False)
    return context.render(
        "log/overview.html",
        section="overview",
        everywhere=everywhere,
        trunks=trunks,
        form={"range": wanted, "trunk": trunk_id or "", "of": EVERYWHERE if everywhere else ""},
        ranges=[(name, words) for name, (words, *_) in RANGES.items()],
        **values,
    )


def _stretch(wanted: str, account_id: str | None, trunk_id: str | None) -> Stretch:
    _, count, slot = RANGES[wanted]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    until = epoch + ((datetime.now(UTC) - epoch) // slot + 1) * slot
    return Stretch(until - count * slot, until, slot, account_id, trunk_id)


def _figures(context: PageContext, found: Statistics, stretch: Stretch, account_id: str | None) -> dict[str, Any]:
    total = found.total
    messages = sum(it.messages for it in total.values())
    in_progress, scheduled = total[Outcome.IN_PROGRESS].messages, total[Outcome.SCHEDULED].messages
    ended = messages - in_progress - scheduled
    reported = found.delivered + total[Outcome.UNDELIVERED].messages
    begins = list(found.slots)
    return {
        "found": found,
        "messages": messages,
        "segments": sum(it.segments for it in total.values()),
        "in_progress": in_progress,
        "scheduled": scheduled,
        "sent_rate": (ended - total[Outcome.NOT_SENT].messages) / ended if ended else None,
        "delivery_rate": found.delivered / reported if reported else None,
        "latencies": [found.latency_ms(share) for share in (0.5, 0.95, 0.99)],
        "spent": [_money(amount, currency) for currency, amount in sorted(found.spent.items())],
        "charts": [
            ("Messages", "messages", _chart(found, begins, stretch, 0)),
            ("Segments", "segments", _chart(found, begins, stretch, 1)),
        ],
        "kinds": KINDS,
        "rows": _table(found, begins, stretch),
        "codes": _codes(found, messages),
        "worst": _worst(context, found, account_id),
    }


def _chart(found: Statistics, begins: Sequence[datetime], stretch: Stretch, place: int) -> Chart:
    counts = [[found.slots[begin][kind][place] for kind, _ in KINDS] for begin in begins]
    return stacked(begins, stretch.slot, counts, KINDS)


def _table(found: Statistics, begins: Iterable[datetime], stretch: Stretch) -> list[dict[str, Any]]:
    """Return the same in words, the newest first, without the times in which nothing happened."""
    rows = []
    for begin in begins:
        counts = found.slots[begin]
        if any(it.messages for it in counts.values()):
            segments = sum(it.segments for it in counts.values())
            by_kind = [counts[kind].messages for kind, _ in KINDS]
            rows.append({"time": time_words(begin, stretch.slot), "counts": by_kind, "segments": segments})
    return rows[::-1]


def _codes(found: Statistics, messages: int) -> list[dict[str, Any]]:
    return [
        {
            "code": code,
            "meaning": MEANINGS.get(code, "Another reason"),
            "advice": CODES[code][1] if code in CODES else "",
            "count": count,
            "share": count / messages * 100,
        }
        for code, count in found.codes.most_common()
    ]


def _worst(context: PageContext, found: Statistics, account_id: str | None) -> list[dict[str, Any]]:
    """Return the trunks with the most messages that did not arrive."""
    rows = []
    for trunk_id, counts in found.trunks.items():
        bad = counts[Outcome.NOT_SENT] + counts[Outcome.UNDELIVERED]
        if bad:
            rows.append((bad, counts.total(), trunk_id))
    rows.sort(key=lambda row: (-row[0], row[1], row[2]))
    return [
        {
            "name": trunk_name(context, trunk_id),
            "account": _account_name(context, trunk_id) if account_id is None else None,
            "log": None if account_id is None else f"/sms/log?trunk={trunk_id}&status=not_sent",
            "bad": bad,
            "messages": count,
            "share": bad / count * 100,
        }
        for bad, count, trunk_id in rows[:WORST]
    ]


def _endpoint(context: PageContext, it: Endpoint) -> dict[str, Any]:
    return {
        "name": trunk_name(context, it.trunk_id),
        "path": f"/sms/trunks/{it.trunk_id}/callbacks",
        "attempts": it.attempts,
        "failed": it.attempts - it.accepted,
        "share": it.accepted / it.attempts * 100,
        "mean_ms": it.mean_ms,
    }


def _account_name(context: PageContext, trunk_id: str) -> str:
    trunk = context.operations.directory.trunk(trunk_id)
    account = None if trunk is None else context.operations.directory.account(trunk.account_id)
    return "" if account is None else account.name


def _money(amount: Decimal, currency: str) -> str:
    return f"{amount.normalize():,f}" + (f" {currency}" if currency else "")


PAGES = (Page("GET", PATH, show),)
