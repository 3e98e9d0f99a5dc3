"""Callbacks of a trunk: how they go, every attempt, sending some again, and a test event.

After those two the page follows for a while what comes of them.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.page import Page, PageContext
from agents.panel.pages.log.criteria import cursor_of
from agents.panel.pages.log.messages import shown_time
from agents.panel.pages.parts.following import from_now, is_followed, until_of
from agents.panel.pages.parts.navigation import go_to
from pipeline.callbacks.resend import obstacle
from pipeline.counted import counted
from pipeline.errors import RuleViolated
from pipeline.http.url import http_url
from pipeline.message_log.reading.callback_log import AttemptSearch
from pipeline.message_log.reading.history import Notified
from schemas.directory.trunk import Trunk

SIZE: Final = 50
RANGES: Final = (("1", "Last hour"), ("24", "Last 24 hours"), ("168", "Last 7 days"), ("720", "Last 30 days"))
DEFAULT_RANGE: Final = "24"
OUTCOMES: Final = (("", "Any"), ("failed", "Failed"), ("accepted", "Accepted"))


def _asked(context: PageContext, trunk_id: str) -> tuple[AttemptSearch, dict[str, str]]:
    query = context.request.query if context.request.method == "GET" else context.form
    hours, outcome, message = (str(query.get(name, "")) for name in ("range", "outcome", "message"))
    fields = {
        "range": hours if hours in dict(RANGES) else DEFAULT_RANGE,
        "outcome": outcome if outcome in dict(OUTCOMES) else "",
        "message": message.strip().lower()[:64].replace("\0", ""),
    }
    search = AttemptSearch(
        trunk_id,
        since=_now() - timedelta(hours=int(fields["range"])),
        failed={"failed": True, "accepted": False}.get(fields["outcome"]),
        message_id=fields["message"] or None,
    )
    return search, fields


def _now() -> datetime:
    return datetime.now(UTC)


async def show(context: PageContext) -> web.StreamResponse:
    """Show a trunk's attempts."""
    return await _page(context)


async def state(context: PageContext) -> web.StreamResponse:
    """Answer with the attempts that are known now, for the poll."""
    trunk, _ = context.operations.trunks.get(context.actor, context.request.match_info["id"])
    return context.render("log/callbacks_state.html", **await _shown(context, trunk))


async def _page(context: PageContext, problem: str | None = None, status: int = 200) -> web.Response:
    trunk, _ = context.operations.trunks.get(context.actor, context.request.match_info["id"])
    return context.render(
        "log/callbacks.html",
        status=status,
        section="trunks",
        endpoint=http_url(trunk.callback_url).origin if trunk.callback_url else None,
        ranges=RANGES,
        outcomes=OUTCOMES,
        problem=problem,
        **await _shown(context, trunk),
    )


async def _shown(context: PageContext, trunk: Trunk) -> dict[str, Any]:
    search, fields = _asked(context, trunk.id)
    after, until = cursor_of(context.request.query), until_of(context)
    page = await context.operations.notifications.attempts(context.actor, search, SIZE, after)
    everything = replace(search, failed=None)
    return {
        "trunk": trunk,
        "obstacle": obstacle(trunk),
        "performance": await context.operations.notifications.performance(context.actor, everything),
        "rows": [_row(it) for it in page.attempts],
        "form": fields,
        "newest": _path(trunk, fields) if after is not None else None,
        "older": None if page.after is None else _path(trunk, {**fields, "after": str(page.after)}),
        "state_path": _path(trunk, {**fields, "until": str(until)}, "/state"),
        "moving": after is None and is_followed(until),  # what comes is on the first page
    }


def _path(trunk: Trunk, fields: dict[str, str], part: str = "") -> str:
    query = "&".join(f"{name}={value}" for name, value in fields.items() if value)
    return f"/sms/trunks/{trunk.id}/callbacks{part}" + (f"?{query}" if query else "")


def _row(it: Notified) -> dict[str, Any]:
    return {
        "at": shown_time(it.at),
        "at_iso": it.at.isoformat(),
        "message_id": it.message_id,
        "webhook_id": it.webhook_id,
        "attempt": it.attempt,
        "resent": it.resent_at is not None,
        "outcome": it.outcome,
        "good": it.outcome == "accepted",
        "status_code": it.status_code,
        "milliseconds": it.milliseconds,
        "error": it.error,
        "answer": it.answer,
    }


async def resend(context: PageContext) -> web.StreamResponse:
    """Send the notifications of the filtered attempts again."""
    trunk, _ = context.operations.trunks.get(context.actor, context.request.match_info["id"])
    search, fields = _asked(context, trunk.id)
    try:
        count = await context.operations.notifications.resend_found(context.actor, search)
    except RuleViolated as error:
        return await _page(context, "; ".join(what for _, what in error.problems), 422)
    if count:
        context.flash("good", f"{counted(count, 'notification')} sent again. How it goes shows here within moments.")
        return go_to(context, _path(trunk, {**fields, "until": str(from_now())}))
    context.flash("info", "There was nothing to send again.")
    return go_to(context, _path(trunk, fields))


async def send_test(context: PageContext) -> web.StreamResponse:
    """Send a test event, and show how its attempts go."""
    trunk, _ = context.operations.trunks.get(context.actor, context.request.match_info["id"])
    try:
        message_id = await context.operations.notifications.send_test(context.actor, trunk.id)
    except RuleViolated as error:
        return await _page(context, "; ".join(what for _, what in error.problems), 422)
    context.flash("good", "A test event is on its way. What your endpoint answers shows here within moments.")
    return go_to(context, _path(trunk, {"message": message_id, "until": str(from_now())}))


PAGES = (
    Page("GET", "/sms/trunks/{id}/callbacks", show),
    Page("GET", "/sms/trunks/{id}/callbacks/state", state),
    Page("POST", "/sms/trunks/{id}/callbacks/resend", resend, Permission.MANAGE_TRUNKS),
    Page("POST", "/sms/trunks/{id}/callbacks/test", send_test, Permission.MANAGE_TRUNKS),
)
