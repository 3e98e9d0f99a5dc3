"""Send SMS: the form, and the note below its text."""

from typing import Final

from aiohttp import web

from agents.panel.operations import Permission
from agents.panel.operations.messages import TextNote
from agents.panel.page import Page, PageContext
from agents.panel.pages.forms import Problems, by_field, phone_digits
from agents.panel.pages.messages.progress import MessageView, message_window
from pipeline.errors import BrokerError, BrokerUnreachable, RuleViolated
from schemas.directory.trunk import Trunk

BLANK: Final = {"source": "", "destination": "", "text": ""}


def _text(context: PageContext) -> str:
    """Return the text as it was typed: browsers post line breaks as CRLF, which would cost a unit more each."""
    return context.text("text").replace("\r\n", "\n")


async def show(context: PageContext) -> web.StreamResponse:
    """Show the form; for another message with what was typed for the one before, which no address may hold."""
    trunk, form = _trunk(context), dict(BLANK)
    if "again" in context.request.query and context.session is not None:
        form |= context.session.sent_through(trunk.id)
    return _form(context, trunk, form)


async def send(context: PageContext) -> web.StreamResponse:
    """Send, and show what becomes of it."""
    trunk = _trunk(context)
    form = {"source": context.text("source"), "destination": context.text("destination"), "text": _text(context)}
    source, destination = phone_digits(form["source"]), phone_digits(form["destination"])
    try:
        message_id = await context.operations.messages.send(context.actor, trunk.id, source, destination, form["text"])
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


async def estimate(context: PageContext) -> web.StreamResponse:
    """Answer with what the text would become, counted by the code that will cut it."""
    note = context.operations.messages.estimate(_text(context))
    return context.json({"problem": _of_text(note.problem), **_numbers(note)})


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


def _of_text(problem: str | None) -> str | None:
    return None if problem is None else f"Text {problem.removeprefix('content ')}"


def _numbers(note: TextNote) -> dict[str, object]:
    """Return the note's figures; none for a text that no encoding can carry."""
    if not note.segments and note.problem:
        return {}
    return {"encoding": note.encoding, "units": note.units, "units_left": note.units_left, "segments": note.segments}


def _form(
    context: PageContext, trunk: Trunk, form: dict[str, str], problems: Problems | None = None, status: int = 200
) -> web.Response:
    sources = context.operations.trunks.sources_of(context.actor, trunk.id)
    note = context.operations.messages.estimate(form["text"])
    return context.render(
        "messages/send.html",
        status=status,
        section="trunks",
        trunk={"id": trunk.id, "name": trunk.name, "blocked": trunk.blocked},
        account_blocked=bool((owner := context.operations.directory.account(trunk.account_id)) and owner.blocked),
        sources=[(number, number) for number in sources],
        form=form,
        note={"problem": _of_text(note.problem), **_numbers(note)},
        problems=problems or {},
    )


PAGES = (
    Page("GET", "/sms/trunks/{id}/send", show, Permission.SEND_SMS),
    Page("POST", "/sms/trunks/{id}/send", send, Permission.SEND_SMS),
    Page("POST", "/sms/estimate", estimate, Permission.SEND_SMS),
)
