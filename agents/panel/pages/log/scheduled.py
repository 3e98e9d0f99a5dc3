"""What is scheduled, what is sent next first; and taking it back, one, several or a bulk, after a question."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.page import Page, PageContext
from agents.panel.pages.log.choices import trunk_choices, trunk_name
from agents.panel.pages.log.criteria import cursor_of, digits_of, typed_fields
from agents.panel.pages.log.messages import PATH as LOG
from agents.panel.pages.log.messages import Tone, shown_time, tone_of
from agents.panel.pages.parts.confirmation import confirmation
from agents.panel.pages.parts.forms import Problems
from agents.panel.pages.parts.navigation import go_to, need_account, way_back
from agents.panel.pages.parts.times import zone_of
from pipeline.counted import counted
from pipeline.errors import BrokerError, BrokerUnreachable
from pipeline.message_log.reading.history import CancelWish
from pipeline.message_log.reading.message import LoggedMessage, LogState
from pipeline.message_log.reading.search import MAX_VALUES

PATH: Final = "/sms/scheduled"
SIZE: Final = 50
FILTERS: Final = ("destination", "trunk", "bulk", "zone")
MAX_NAMED: Final = 10
"""Messages that a question names one by one."""
CONSEQUENCE: Final = "What a carrier has by now is sent all the same: the list says what came first."


async def show(context: PageContext) -> web.StreamResponse:
    """Show a page of what waits, and of what has become of what ended within the last hour."""
    account_id, query = need_account(context), context.request.query
    form = typed_fields(query, FILTERS)
    zone = zone_of(form["zone"])
    if zone is None:
        form["zone"] = ""
    page = await context.operations.scheduled.page(
        context.actor,
        account_id,
        SIZE,
        cursor_of(query),
        trunk_id=form["trunk"] or None,
        destinations=digits_of(form["destination"])[:MAX_VALUES],
        bulk_id=form["bulk"] or None,
    )
    keeps_text = context.operations.message_search.keeps_text(account_id)
    wishes = [page.wishes.get((it.id, it.trunk_id)) for it in page.entries]
    rows = [
        {
            **_state(it, wish),
            "at": "" if it.send_at is None else shown_time(it.send_at, zone or UTC),
            "at_iso": "" if it.send_at is None else it.send_at.isoformat(),
            "source": it.source,
            "destination": it.destination,
            "bulk": it.bulk_id,
            "bulk_waits": wish is None or not wish.is_bulk,
            "trunk": trunk_name(context, it.trunk_id),
            "text": it.content if keeps_text else None,
        }
        for it, wish in zip(page.entries, wishes, strict=True)
    ]
    return context.render(
        "log/scheduled.html",
        section="scheduled",
        form=form,
        zone=form["zone"] or "UTC",
        is_filtered=any(form[it] for it in ("destination", "trunk", "bulk")),
        trunks=trunk_choices(context, account_id, form["trunk"]),
        rows=rows,
        next_page=None if page.after is None else _address(form, after=str(page.after)),
        first_page=_address(form) if "after" in query else None,
        whole_list=_address({"zone": form["zone"]}),
    )


async def state(context: PageContext) -> web.StreamResponse:
    """Answer with what has come of a wish to cancel, for the poll."""
    message, wish = await context.operations.scheduled.told(context.actor, context.request.match_info["id"])
    return context.render("log/scheduled_state.html", row=_state(message, wish))


def _state(it: LoggedMessage, wish: CancelWish | None) -> dict[str, Any]:
    waits = it.state == LogState.SCHEDULED
    tone: Tone = tone_of(it)
    words, detail = it.state, ""
    if it.status == LogState.CANCELED:
        detail = "Not sent"
    elif it.status is not None and wish is not None:
        detail = "Too late to cancel it"
    elif wish is not None:
        words, detail, tone = "Being canceled", "With its bulk" if wish.is_bulk else "", "warn"
    return {
        "id": it.id,
        "state": words,
        "tone": tone,
        "detail": detail,
        "waits": waits and wish is None,
        "polls": wish is not None and it.status is None,
    }


def _address(form: dict[str, str], **more: str) -> str:
    left = {name: value for name, value in {**form, **more}.items() if value}
    return f"{PATH}?{urlencode(left)}" if left else PATH


async def ask(context: PageContext) -> web.StreamResponse:
    """Ask; the messages are in the query, `id` for each."""
    query = context.request.query
    return await _question(context, list(dict.fromkeys(query.getall("id", [])))[:SIZE], query.get("from", ""))


async def cancel(context: PageContext) -> web.StreamResponse:
    """Ask for all of them, or for none."""
    ids, came_from = context.texts("id"), context.text("from")
    try:
        found = await context.operations.scheduled.cancel(context.actor, ids)
    except BrokerError as error:
        return await _question(context, ids, came_from, _unasked(error), 503)
    what = "the message" if len(found) == 1 else f"{len(found)} messages"
    return _asked(context, what, _back(context, ids, came_from))


async def ask_bulk(context: PageContext) -> web.StreamResponse:
    """Ask about a whole bulk; its id is in the query."""
    return await _bulk_question(context, context.request.query.get("bulk", ""))


async def cancel_bulk(context: PageContext) -> web.StreamResponse:
    """Ask for all of a bulk."""
    bulk_id = context.text("bulk")
    try:
        found = await context.operations.scheduled.cancel_bulk(context.actor, bulk_id)
    except BrokerError as error:
        return await _bulk_question(context, bulk_id, _unasked(error), 503)
    return _asked(context, f"a bulk of {counted(found.messages, 'message')}", way_back(context, PATH))


def _asked(context: PageContext, what: str, back: str) -> web.StreamResponse:
    context.flash("good", f"Asked to cancel {what}. The status says in a moment what came of it.")
    return go_to(context, back)


def _unasked(error: BrokerError) -> Problems:
    doubt = "nothing has been canceled" if isinstance(error, BrokerUnreachable) else "it may or may not be canceled"
    return {"": [f"The message broker does not answer: {doubt}. To ask again does no harm."]}


async def _question(
    context: PageContext, ids: Sequence[str], came_from: str, problems: Problems | None = None, status: int = 200
) -> web.StreamResponse:
    if not ids:
        context.flash("info", "Check the messages to cancel first.")
        return go_to(context, way_back(context, PATH))
    found = await context.operations.scheduled.messages(context.actor, ids)
    one = len(found) == 1
    names = [_name(it) for it in found[:MAX_NAMED]]
    if len(found) > MAX_NAMED:
        names.append(f"and {len(found) - MAX_NAMED} more")
    return confirmation(
        context,
        section="scheduled",
        heading="Cancel message" if one else f"Cancel {len(found)} messages",
        question="This message will not be sent:" if one else "These messages will not be sent:",
        names=names,
        consequence=CONSEQUENCE,
        fields=[("from", came_from), *(("id", it) for it in ids)],
        action=f"{PATH}/cancel",
        back=_back(context, ids, came_from),
        verb="Cancel message" if one else "Cancel messages",
        dismiss="Keep it" if one else "Keep them",
        icon="block",
        problems=problems,
        status=status,
    )


async def _bulk_question(
    context: PageContext, bulk_id: str, problems: Problems | None = None, status: int = 200
) -> web.StreamResponse:
    if not bulk_id:
        context.flash("info", "Choose the bulk to cancel first.")
        return go_to(context, way_back(context, PATH))
    found = await context.operations.scheduled.bulk(context.actor, bulk_id)
    return confirmation(
        context,
        section="scheduled",
        heading="Cancel bulk",
        question="Whatever still waits of this bulk will not be sent:",
        names=[f"{counted(found.messages, 'message')}, of which {found.waiting:,} wait for their time"],
        consequence=CONSEQUENCE,
        fields=[("bulk", bulk_id)],
        action=f"{PATH}/cancel-bulk",
        back=way_back(context, PATH),
        verb="Cancel bulk",
        dismiss="Keep it",
        icon="block",
        problems=problems,
        status=status,
    )


def _back(context: PageContext, ids: Sequence[str], came_from: str) -> str:
    """Return the list, or the page of a message that this was asked from."""
    return f"{LOG}/{ids[0]}" if came_from == "message" and len(ids) == 1 else way_back(context, PATH)


def _name(message: LoggedMessage) -> str:
    if message.send_at is None:
        return message.destination
    return f"{message.destination}, at {shown_time(message.send_at)} UTC"


PAGES = (
    Page("GET", PATH, show),
    Page("GET", f"{PATH}/cancel", ask, Permission.SEND_SMS),
    Page("POST", f"{PATH}/cancel", cancel, Permission.SEND_SMS),
    Page("GET", f"{PATH}/cancel-bulk", ask_bulk, Permission.SEND_SMS),
    Page("POST", f"{PATH}/cancel-bulk", cancel_bulk, Permission.SEND_SMS),
    Page("GET", f"{PATH}/{{id}}/state", state),
)
