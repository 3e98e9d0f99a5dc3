"""Send SMS: the form, and the note below its text that says what would become of it."""

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.page import Page, PageContext
from agents.panel.pages.messages.progress import MessageView, message_window
from agents.panel.pages.parts.forms import Problems, by_field, optional_number, phone_digits, refuse
from agents.panel.pages.parts.times import typed_time, zone_of
from agents.panel.pages.parts.words import change_words, priced
from agents.panel.pages.trunks.sources import sources_of
from pipeline.counted import counted
from pipeline.errors import BrokerError, BrokerUnreachable, RuleViolated
from pipeline.steps.preview import Preview, TextPreview
from schemas.directory.trunk import Trunk
from schemas.messages.mt_message import ENCODINGS
from schemas.messages.timing import MAX_VALIDITY_SECONDS, MIN_VALIDITY_SECONDS, validity_problem, written
from schemas.text.characters import code_of, name_of

MAX_CHARACTERS: Final = 3
"""Different characters that are named as the reason for UCS-2, and places of each."""
MAX_CHANGES: Final = 5
"""Different changes of the text that are named."""
NOTHING_KNOWN: Final[dict[str, Any]] = {
    "encoding": None,
    "characters": (),
    "price": None,
    "refusal": None,
    "changes": (),
    "language": None,
    "instead": None,
}
BLANK: Final = {
    "source": "", "campaign": "", "destination": "", "text": "", "client_reference": "", "tags": "", "send_at": "",
    "zone": "", "validity": "",
}  # fmt: skip
_FIELDS: Final = {"content": "text", "validity_period": "validity", "campaign_id": "campaign"}
"""Attributes that are called otherwise in the form."""


def _typed(context: PageContext) -> dict[str, str]:
    """Return the form as it was typed: browsers post line breaks as CRLF, which would cost a unit more each."""
    return {name: context.text(name).replace("\r\n", "\n") for name in BLANK}


async def show(context: PageContext) -> web.StreamResponse:
    """Show the form; for another message with what was typed for the one before, which no address may hold."""
    trunk, form = _trunk(context), dict(BLANK)
    if "again" in context.request.query and context.session is not None:
        form |= context.session.sent_through(trunk.id)
    return _form(context, trunk, form)


async def send(context: PageContext) -> web.StreamResponse:
    """Send, and show what becomes of it."""
    trunk, form = _trunk(context), _typed(context)
    source, destination = phone_digits(form["source"]), phone_digits(form["destination"])
    tags = [tag for part in form["tags"].split(",") if (tag := part.strip())]
    problems: Problems = {}
    timing = _timing(form, problems)
    try:
        refuse(problems)
        message_id = await context.operations.messages.send(
            context.actor, trunk.id, source, destination, form["text"], form["client_reference"].strip(), tags,
            campaign_id=form["campaign"] or None, **timing,
        )  # fmt: skip
    except RuleViolated as error:
        return _form(context, trunk, form, problems or _in_form(error), 422)
    except BrokerError as error:
        return _form(context, trunk, form, unsent(error), 503)
    if context.session is not None:
        context.session.keep_sent(trunk.id, form)
    if not context.fragment:
        return context.redirect(f"/sms/messages/{message_id}")  # so that reloading does not send it again
    progress = context.operations.messages.progress(context.actor, message_id)
    return message_window(context, trunk, MessageView.of(progress, source, destination))


async def preview(context: PageContext) -> web.StreamResponse:
    """Answer with the note alone, for what is typed so far."""
    return context.render(
        "messages/preview.html", note=_note(context, context.request.match_info["id"], _typed(context))
    )


def _timing(form: dict[str, str], problems: Problems) -> dict[str, Any]:
    """Return when it is to be sent and for how long it is tried, as a request has them."""
    timing: dict[str, Any] = {}
    zone = zone_of(form["zone"])
    if zone is None:
        problems["zone"] = ["is none that is known here"]
    elif form["send_at"]:
        found = typed_time(form["send_at"], zone)
        if isinstance(found, str):
            problems["send_at"] = [found]
        else:
            timing["send_at"] = written(found)
    minutes = optional_number(form["validity"], problems, "validity")
    if minutes is not None and not problems.get("validity"):
        timing["validity_period"] = minutes * 60
        if validity_problem(minutes * 60) is not None:
            most = MAX_VALIDITY_SECONDS // 60
            problems["validity"] = [f"must be {MIN_VALIDITY_SECONDS // 60} to {most:,} minutes ({most // 60} hours)"]
    return timing


def unsent(error: BrokerError) -> Problems:
    """Return what to say above the form when the broker has not taken the message in time."""
    doubt = "it has not been sent" if isinstance(error, BrokerUnreachable) else "it may or may not be sent"
    return {"": [f"The message broker does not answer: {doubt}. The message is still here; try again in a moment."]}


def _in_form(error: RuleViolated) -> Problems:
    """Return the problems in the form's words, in which attributes have the names of fields."""
    found = by_field(error)
    words = {field: [text.removeprefix(f"{field} ") for text in texts] for field, texts in found.items()}
    return {_FIELDS.get(field, field): texts for field, texts in words.items()}


def _trunk(context: PageContext) -> Trunk:
    return context.operations.trunks.get(context.actor, context.request.match_info["id"])[0]


def _note(context: PageContext, trunk_id: str, form: dict[str, str]) -> dict[str, Any]:
    """Return what the gateway itself says would become of the message, in a person's words."""
    source, destination, text = phone_digits(form["source"]), phone_digits(form["destination"]), form["text"]
    found = context.operations.messages.preview(
        context.actor, trunk_id, source, destination, text, form["campaign"] or None
    )
    problem = found.problem and f"Text {found.problem.removeprefix('content ')}"
    note = {**NOTHING_KNOWN, "problem": problem, "carriers": found.carriers}
    if found.text is not None:
        note |= _counted(found.text, is_empty=not text)
    if found.whole is not None:
        note |= _priced(found.whole)
    return note


def _counted(text: TextPreview, *, is_empty: bool) -> dict[str, Any]:
    return {
        "encoding": ENCODINGS[text.layout.data_coding],
        "left": text.layout.units_left,
        "segments": 0 if is_empty else len(text.layout.parts),
        "characters": [
            {"character": character, "name": f"{code_of(character)} {name_of(character)}", "places": _places(indexes)}
            for character, indexes in islice(text.outside_gsm7.items(), MAX_CHARACTERS)
        ],
        "more": max(0, len(text.outside_gsm7) - MAX_CHARACTERS),
        "changes": [change_words(it, "becomes") for it in text.changes[:MAX_CHANGES]],
        "more_changes": max(0, len(text.changes) - MAX_CHANGES),
        "language": text.national_language and text.national_language.capitalize(),
        "instead": text.instead and _instead(text.instead),
    }


def _instead(text: TextPreview) -> str:
    """Say what smart encoding would make of it, which the trunk has not."""
    return (
        f"Smart encoding ({text.smart_encoding.value}) would make it {ENCODINGS[text.layout.data_coding]}, "
        f"{counted(len(text.layout.parts), 'segment')}"
    )


def _places(indexes: Iterable[int]) -> str:
    """Return where a character stands, as people count."""
    first = [str(index + 1) for index in islice(indexes, MAX_CHARACTERS + 1)]
    return ", ".join(first[:MAX_CHARACTERS]) + (" …" if len(first) > MAX_CHARACTERS else "")


def _priced(found: Preview) -> dict[str, Any]:
    return {
        "refusal": found.refusal and found.refusal.reason,
        "price": priced(found.price, found.currency),
        "each": priced(found.price_per_segment, found.currency) if len(found.text.layout.parts) > 1 else None,
        "varies": found.price_varies,
    }


def _form(
    context: PageContext, trunk: Trunk, form: dict[str, str], problems: Problems | None = None, status: int = 200
) -> web.Response:
    campaigns = context.operations.campaigns.through(context.actor, trunk.id)
    sources, within_campaigns = sources_of(context, trunk.id, campaigns)
    return context.render(
        "messages/send.html",
        status=status,
        section="trunks",
        trunk={"id": trunk.id, "name": trunk.name, "blocked": trunk.blocked},
        account_blocked=bool((owner := context.operations.directory.account(trunk.account_id)) and owner.blocked),
        sources=[*((it, it) for it in sources), *((it, f"{it} (within a campaign)") for it in within_campaigns)],
        campaigns=[(it.id, f"{it.name} (blocked)" if it.blocked else it.name) for it in campaigns],
        form=form,
        note=_note(context, trunk.id, form),
        problems=problems or {},
    )


PAGES = (
    Page("GET", "/sms/trunks/{id}/send", show, Permission.SEND_SMS),
    Page("POST", "/sms/trunks/{id}/send", send, Permission.SEND_SMS),
    Page("POST", "/sms/trunks/{id}/preview", preview, Permission.SEND_SMS),
)
