"""The Outbound SMS log: which messages there were, what a filter asks for."""

from datetime import UTC, datetime, tzinfo
from typing import Any, Final, Literal

from aiohttp import web

from agents.panel.page import Page, PageContext
from agents.panel.pages.log.choices import campaign_choices, campaign_name, trunk_choices, trunk_name
from agents.panel.pages.log.criteria import MODES, RANGES, STATUSES, Criteria, read_criteria
from agents.panel.pages.parts.navigation import need_account
from agents.panel.pages.parts.words import priced
from pipeline.errors import LogUnavailable
from pipeline.message_log.reading.history import is_delivered
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
        "campaign": campaign_of(context, message),
        "state": message.state,
        "tone": tone_of(message),
        "detail": detail_of(message, criteria.zone),
        "segments": message.segments,
        "price": price_of(message),
        "text": message.content if keeps_text else None,
    }


def campaign_of(context: PageContext, message: LoggedMessage) -> str | None:
    """Return what a message's campaign is called, None where it has none."""
    campaign_id = message.campaign_id
    return None if campaign_id is None else campaign_name(context, message.account_id, campaign_id)


def detail_of(message: LoggedMessage, zone: tzinfo = UTC) -> str:
    """Return what is said beside a message's state."""
    if message.delivery_status is not None:
        return message.delivery_status.capitalize()
    if message.state == LogState.SCHEDULED and message.send_at is not None:
        return f"For {shown_time(message.send_at, zone)}"
    return MEANINGS.get(message.code_id, message.reason or "") if message.code_id is not None else ""


PAGES = (Page("GET", PATH, show),)
