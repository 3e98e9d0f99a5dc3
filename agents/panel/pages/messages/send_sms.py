"""Send SMS: the form, and the note below its text that says what would become of it."""

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from aiohttp import web

from agents.panel.operations import Permission
from agents.panel.page import Page, PageContext
from agents.panel.pages.forms import Problems, by_field, phone_digits
from agents.panel.pages.messages.progress import MessageView, message_window
from agents.panel.pages.words import priced
from pipeline.errors import BrokerError, BrokerUnreachable, RuleViolated
from pipeline.steps.preview import Preview, TextPreview
from schemas.characters import code_of, name_of
from schemas.directory.trunk import Trunk
from schemas.mt_message import ENCODINGS

MAX_CHARACTERS: Final = 3
"""Different characters that are named as the reason for UCS-2, and places of each."""
NOTHING_KNOWN: Final[dict[str, Any]] = {"encoding": None, "characters": (), "price": None, "refusal": None}
BLANK: Final = {"source": "", "destination": "", "text": "", "client_reference": "", "tags": ""}


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
    try:
        message_id = await context.operations.messages.send(
            context.actor, trunk.id, source, destination, form["text"], form["client_reference"].strip(), tags
        )
    except RuleViolated as error:
        return _form(context, trunk, form, _in_form(error), 422)
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


def unsent(error: BrokerError) -> Problems:
    """Return what to say above the form when the broker has not taken the message in time."""
    doubt = "it has not been sent" if isinstance(error, BrokerUnreachable) else "it may or may not be sent"
    return {"": [f"The message broker does not answer: {doubt}. The message is still here; try again in a moment."]}


def _in_form(error: RuleViolated) -> Problems:
    """Return the problems in the form's words: the fields are named beside them, and `content` is called Text."""
    found = by_field(error)
    words = {field: [text.removeprefix(f"{field} ") for text in texts] for field, texts in found.items()}
    return {"text" if field == "content" else field: texts for field, texts in words.items()}


def _trunk(context: PageContext) -> Trunk:
    return context.operations.trunks.get(context.actor, context.request.match_info["id"])[0]


def _note(context: PageContext, trunk_id: str, form: dict[str, str]) -> dict[str, Any]:
    """Return what the gateway itself says would become of the message, in a person's words."""
    source, destination, text = phone_digits(form["source"]), phone_digits(form["destination"]), form["text"]
    found = context.operations.messages.preview(context.actor, trunk_id, source, destination, text)
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
    }


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
    sources = context.operations.trunks.sources_of(context.actor, trunk.id)
    return context.render(
        "messages/send.html",
        status=status,
        section="trunks",
        trunk={"id": trunk.id, "name": trunk.name, "blocked": trunk.blocked},
        account_blocked=bool((owner := context.operations.directory.account(trunk.account_id)) and owner.blocked),
        sources=[(number, number) for number in sources],
        form=form,
        note=_note(context, trunk.id, form),
        problems=problems or {},
    )


PAGES = (
    Page("GET", "/sms/trunks/{id}/send", show, Permission.SEND_SMS),
    Page("POST", "/sms/trunks/{id}/send", send, Permission.SEND_SMS),
    Page("POST", "/sms/trunks/{id}/preview", preview, Permission.SEND_SMS),
)
