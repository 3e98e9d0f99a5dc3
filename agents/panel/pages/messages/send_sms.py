"""Send SMS: the form, and the note below its text."""

from aiohttp import web

from agents.panel.operations import Permission
from agents.panel.operations.messages import TextNote
from agents.panel.page import Page, PageContext
from agents.panel.pages.forms import Problems, by_field
from agents.panel.pages.messages.progress import MessageView, message_window
from pipeline.errors import RuleViolated
from schemas.directory.trunk import Trunk


def _text(context: PageContext) -> str:
    """Return the text as it was typed: browsers post line breaks as CRLF, which would cost a unit more each."""
    return context.text("text").replace("\r\n", "\n")


async def show(context: PageContext) -> web.StreamResponse:
    """Show the form."""
    return _form(context, _trunk(context), {"source": "", "destination": "", "text": ""})


async def send(context: PageContext) -> web.StreamResponse:
    """Send, and show what becomes of it."""
    trunk = _trunk(context)
    source, destination, text = context.text("source"), context.text("destination").strip(), _text(context)
    try:
        message_id = await context.operations.messages.send(context.actor, trunk.id, source, destination, text)
    except RuleViolated as error:
        form = {"source": source, "destination": destination, "text": text}
        return _form(context, trunk, form, by_field(error), 422)
    if not context.fragment:
        return context.redirect(f"/sms/messages/{message_id}")  # so that reloading does not send it again
    progress = context.operations.messages.progress(context.actor, message_id)
    return message_window(context, trunk, MessageView.of(progress, source, destination))


async def estimate(context: PageContext) -> web.StreamResponse:
    """Answer with what the text would become, counted by the code that will cut it."""
    note = context.operations.messages.estimate(_text(context))
    return context.json({"problem": note.problem, **_numbers(note)})


def _trunk(context: PageContext) -> Trunk:
    return context.operations.trunks.get(context.actor, context.request.match_info["id"])[0]


def _numbers(note: TextNote) -> dict[str, object]:
    """Return the note's figures; none for a text that no encoding can carry."""
    if not note.segments and note.problem:
        return {}
    return {"encoding": note.encoding, "units": note.units, "units_left": note.units_left, "segments": note.segments}


def _form(
    context: PageContext, trunk: Trunk, form: dict[str, str], problems: Problems | None = None, status: int = 200
) -> web.Response:
    problems = problems or {}
    if "content" in problems:
        problems["text"] = problems.pop("content")
    sources = context.operations.trunks.sources_of(context.actor, trunk.id)
    note = context.operations.messages.estimate(form["text"])
    return context.render(
        "messages/send.html",
        status=status,
        section="trunks",
        trunk={"id": trunk.id, "name": trunk.name, "blocked": trunk.blocked},
        sources=[(number, number) for number in sources],
        form=form,
        note={"problem": note.problem, **_numbers(note)},
        problems=problems,
    )


PAGES = (
    Page("GET", "/sms/trunks/{id}/send", show, Permission.SEND_SMS),
    Page("POST", "/sms/trunks/{id}/send", send, Permission.SEND_SMS),
    Page("POST", "/sms/estimate", estimate, Permission.SEND_SMS),
)
