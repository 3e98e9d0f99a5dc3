"""The Outbound SMS log, and a message with its timeline."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, Literal

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.page import Page, PageContext
from agents.panel.pages.log.choices import campaign_choices, campaign_name, trunk_choices, trunk_name
from agents.panel.pages.log.criteria import MODES, RANGES, STATUSES, Criteria, read_criteria
from agents.panel.pages.parts.navigation import need_account
from agents.panel.pages.parts.words import change_words, priced
from pipeline.errors import LogUnavailable, RuleViolated
from pipeline.http.url import origin_of
from pipeline.message_log.reading.history import EventKind, MessageEvent, MessageHistory, is_delivered
from pipeline.message_log.reading.message import MEANINGS, LoggedMessage, LogState
from schemas.identifiers import is_uuid

PATH: Final = "/sms/log"
SIZE: Final = 50

Tone = Literal["good", "bad", "warn", ""]


def tone_of(message: LoggedMessage) -> Tone:
    """Return how a message's state is shown; in words it is there, too."""
    if message.delivery_status is not None:
        return "good" if is_delivered(message.delivery_status) else "bad"
    return {LogState.SUCCESS.value: "good", LogState.FAILED.value: "bad", LogState.ROUTING_ERROR.value: "bad"}.get(
        message.state, ""
    )  # type: ignore[return-value]  # the words above


def price_of(message: LoggedMessage) -> str | None:
    """Return what a message costs, with its currency."""
    return priced(message.price, message.currency)


def shown_time(moment: datetime, zone: tzinfo = UTC) -> str:
    """Return a time to the second, in a zone."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"


async def show(context: PageContext) -> web.StreamResponse:
    """Show a page of the log; an id in the search leads to its message."""
    account_id = need_account(context)
    criteria = read_criteria(context.request.query, datetime.now(UTC))
    if is_uuid(identity := criteria.fields["find"].lower()):
        return context.redirect(f"{PATH}/{identity}")
    values: dict[str, Any] = {"rows": [], "older": None, "unavailable": None, "status": 200}
    if criteria.problems:
        values["status"] = 422
    else:
        try:
            page = await context.operations.message_search.page(
                context.actor, account_id, criteria.search, SIZE, criteria.after
            )
        except LogUnavailable as error:
            if not error.too_slow:
                raise
            values["unavailable"], values["status"] = str(error), 422
        else:
            keeps_text = context.operations.message_search.keeps_text(account_id)
            values["rows"] = [_row(context, it, criteria, keeps_text=keeps_text) for it in page.entries]
            if page.after is not None:
                values["older"] = PATH + criteria.query(after=str(page.after))
    return context.render(
        "log/list.html",
        section="log",
        criteria=criteria,
        form=criteria.fields,
        problems=criteria.problems,
        ranges=RANGES,
        modes=MODES,
        statuses=STATUSES,
        trunks=trunk_choices(context, account_id, criteria.fields["trunk"]),
        campaigns=campaign_choices(context, account_id, criteria.fields["campaign"]),
        newest=PATH + criteria.query() if criteria.after is not None else None,
        zone=criteria.fields["zone"] or "UTC",
        export=f"{PATH}/export.csv{criteria.query()}",
        export_gz=f"{PATH}/export.csv.gz{criteria.query()}",
        **values,
    )


def _row(context: PageContext, message: LoggedMessage, criteria: Criteria, *, keeps_text: bool) -> dict[str, Any]:
    return {
        "id": message.id,
        "at": shown_time(message.accepted_at, criteria.zone),
        "at_iso": message.accepted_at.isoformat(),
        "source": message.source,
        "destination": message.destination,
        "trunk": trunk_name(context, message.trunk_id),
        "campaign": _campaign_of(context, message),
        "state": message.state,
        "tone": tone_of(message),
        "detail": _detail(message, criteria.zone),
        "segments": message.segments,
        "price": price_of(message),
        "text": message.content if keeps_text else None,
    }


def _campaign_of(context: PageContext, message: LoggedMessage) -> str | None:
    campaign_id = message.campaign_id
    return None if campaign_id is None else campaign_name(context, message.account_id, campaign_id)


def _detail(message: LoggedMessage, zone: tzinfo = UTC) -> str:
    if message.delivery_status is not None:
        return message.delivery_status.capitalize()
    if message.state == LogState.SCHEDULED and message.send_at is not None:
        return f"For {shown_time(message.send_at, zone)}"
    return MEANINGS.get(message.code_id, message.reason or "") if message.code_id is not None else ""


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
    it = found.message
    trunk = context.operations.directory.trunk(it.trunk_id)
    carrier = context.operations.directory.carrier(it.carrier_id or "")
    campaign = _campaign_of(context, it)
    keeps_text = context.operations.message_search.keeps_text(it.account_id)
    return context.render(
        "log/message.html",
        status=status,
        section="log",
        message=it,
        price=price_of(it),
        tone=tone_of(it),
        detail=_detail(it),
        trunk=trunk if trunk is not None and trunk.deleted_at is None else None,
        trunk_name=trunk_name(context, it.trunk_id),
        carrier=carrier.name if carrier is not None and context.actor.is_operator else None,
        campaign=campaign,
        text=it.content if keeps_text else None,
        sent_text=it.sent_content if keeps_text else None,
        changes=[change_words(change) for change in it.text_changes],
        accepted_at=shown_time(it.accepted_at),
        send_at=None if it.send_at is None else shown_time(it.send_at),
        ended_at=None if it.ended_at is None else shown_time(it.ended_at),
        callbacks_to=None if it.callback_url is None else origin_of(it.callback_url),
        moments=[_moment(event, campaign, names_carrier=context.actor.is_operator) for event in found.events()],
        can_resend=context.actor.can(Permission.MANAGE_TRUNKS) and it.status is not None and trunk is not None,
        can_cancel=context.actor.can(Permission.SEND_SMS) and it.state == LogState.SCHEDULED and found.wish is None,
        problem=problem,
    )


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
    context.flash("good", f"{what} being sent again. Reload in a moment to see how it went.")
    return context.redirect(f"{PATH}/{identity}")


PAGES = (
    Page("GET", PATH, show),
    Page("GET", f"{PATH}/{{id}}", message),
    Page("POST", f"{PATH}/{{id}}/resend", resend, Permission.MANAGE_TRUNKS),
)
