"""A message with its timeline, which follows what becomes of it for as long as something may."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.page import Page, PageContext
from agents.panel.pages.log.choices import trunk_name
from agents.panel.pages.log.messages import PATH, Tone, campaign_of, detail_of, price_of, shown_time, tone_of
from agents.panel.pages.parts.following import from_now, is_followed, until_of
from agents.panel.pages.parts.words import change_words
from pipeline.errors import RuleViolated
from pipeline.http.url import origin_of
from pipeline.message_log.reading.history import EventKind, MessageEvent, MessageHistory
from pipeline.message_log.reading.message import LoggedMessage, LogState

FOLLOWED: Final = timedelta(minutes=10)
"""After the last that was heard of a message that has not ended: what is stuck for longer is not hurried by looking."""

FOLLOWED_ENDED: Final = timedelta(minutes=1)
"""After the last that was heard of one that has: callbacks and receipts come behind its end."""

AHEAD: Final = timedelta(minutes=2)
"""Before the time of one that is scheduled."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An event as the timeline shows it."""

    at: str
    at_iso: str
    words: str
    tone: Tone
    icon: str
    detail: str


_ICONS: Final = {
    EventKind.ACCEPTED: "send", EventKind.SCHEDULED: "clock", EventKind.CANCEL_REQUESTED: "block",
    EventKind.RELEASED: "clock", EventKind.AUTHORIZED: "route", EventKind.REFUSED: "block",
    EventKind.SUBMITTING: "carrier", EventKind.SEGMENT: "carrier", EventKind.PROCESSED: "done",
    EventKind.RECEIPT: "carrier", EventKind.DELIVERY: "done", EventKind.CALLBACK: "api",
}  # fmt: skip


async def message(context: PageContext) -> web.StreamResponse:
    """Show a message with its timeline."""
    found = await context.operations.message_search.history(context.actor, context.request.match_info["id"])
    return message_page(context, found)


def message_page(
    context: PageContext, found: MessageHistory, problem: str | None = None, status: int = 200
) -> web.Response:
    """Return the page of a message."""
    until = until_of(context)
    shown = _shown(context, found, until)
    return context.render(
        "log/message.html",
        status=status,
        section="log",
        problem=problem,
        state_path=f"{PATH}/{found.message.id}/state" + ("" if until is None else f"?until={until}"),
        **(shown if problem is None else {**shown, "moving": False}),
    )


async def state(context: PageContext) -> web.StreamResponse:
    """Answer with what is known of it now, for the poll."""
    found = await context.operations.message_search.history(context.actor, context.request.match_info["id"])
    return context.render("log/message_state.html", **_shown(context, found, until_of(context)))


def _may_move(message: LoggedMessage, last: datetime, until: int | None) -> bool:
    """Tell whether more of a message may be seen within moments; the `last` that was heard of it was then."""
    now = datetime.now(UTC)
    if is_followed(until):
        return True
    if message.send_at is not None and message.status is None:
        return message.send_at - AHEAD < now < max(last, message.send_at) + FOLLOWED
    return now < last + (FOLLOWED if message.status is None else FOLLOWED_ENDED)


def _shown(context: PageContext, found: MessageHistory, until: int | None) -> dict[str, Any]:
    it, events = found.message, found.events()
    trunk = context.operations.directory.trunk(it.trunk_id)
    carrier = context.operations.directory.carrier(it.carrier_id or "")
    campaign = campaign_of(context, it)
    keeps_text = context.operations.message_search.keeps_text(it.account_id)
    return {
        "moving": _may_move(it, events[-1].at, until),
        "message": it,
        "price": price_of(it),
        "tone": tone_of(it),
        "detail": detail_of(it),
        "trunk": trunk if trunk is not None and trunk.deleted_at is None else None,
        "trunk_name": trunk_name(context, it.trunk_id),
        "carrier": carrier.name if carrier is not None and context.actor.is_operator else None,
        "campaign": campaign,
        "text": it.content if keeps_text else None,
        "sent_text": it.sent_content if keeps_text else None,
        "changes": [change_words(change) for change in it.text_changes],
        "accepted_at": shown_time(it.accepted_at),
        "send_at": None if it.send_at is None else shown_time(it.send_at),
        "ended_at": None if it.ended_at is None else shown_time(it.ended_at),
        "callbacks_to": None if it.callback_url is None else origin_of(it.callback_url),
        "moments": [_moment(event, campaign, names_carrier=context.actor.is_operator) for event in events],
        "can_resend": context.actor.can(Permission.MANAGE_TRUNKS) and it.status is not None and trunk is not None,
        "can_cancel": context.actor.can(Permission.SEND_SMS) and it.state == LogState.SCHEDULED and found.wish is None,
    }


def _moment(event: MessageEvent, campaign: str | None, *, names_carrier: bool) -> Moment:
    detail = ""
    if (callback := event.callback) is not None:
        parts = [callback.endpoint, callback.webhook_id, callback.answer or ""]
        detail = " · ".join(part for part in parts if part)
    elif event.mark is not None and event.mark.carrier_message_id and names_carrier:
        detail = f"The carrier calls it {event.mark.carrier_message_id}"
    elif event.kind is EventKind.ACCEPTED and campaign is not None:
        detail = f"Campaign: {campaign}"
    tone: Tone = "" if event.good is None else "good" if event.good else "bad"
    icon = "alert" if tone == "bad" and event.kind is not EventKind.REFUSED else _ICONS[event.kind]
    at = f"{shown_time(event.at)}.{event.at.microsecond // 1000:03d}"
    return Moment(at, event.at.isoformat(), event.words, tone, icon, detail)


async def resend(context: PageContext) -> web.StreamResponse:
    """Send a message's notifications again."""
    identity = context.request.match_info["id"]
    found = await context.operations.message_search.history(context.actor, identity)
    try:
        count = await context.operations.notifications.resend(context.actor, found.message.trunk_id, identity)
    except RuleViolated as error:
        return message_page(context, found, "; ".join(what for _, what in error.problems), 422)
    what = "The notification is" if count == 1 else f"{count} notifications are"
    context.flash("good", f"{what} being sent again. How it went shows here within moments.")
    return context.redirect(f"{PATH}/{identity}?until={from_now()}")


PAGES = (
    Page("GET", f"{PATH}/{{id}}", message),
    Page("GET", f"{PATH}/{{id}}/state", state),
    Page("POST", f"{PATH}/{{id}}/resend", resend, Permission.MANAGE_TRUNKS),
)
