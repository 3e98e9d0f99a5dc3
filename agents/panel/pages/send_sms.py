"""Send SMS: the form, the note below its text, and what becomes of the message."""

from dataclasses import dataclass
from typing import Final, Literal

from aiohttp import web

from agents.panel.operations import Permission
from agents.panel.operations.messages import MessageProgress, TextNote
from agents.panel.page import Page, PageContext
from agents.panel.pages.replies import Problems, by_field
from pipeline.errors import RuleViolated
from schemas.directory.trunk import Trunk

DELIVERED: Final = frozenset({"DELIVERED", "DELIVRD"})
HANDED_OVER: Final = "Success"
"""The contract's word for a message that the carrier has taken."""


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message's state in a person's words."""

    id: str
    state: str
    words: str
    detail: str
    tone: Literal["good", "bad", ""]
    is_final: bool
    source: str = ""
    destination: str = ""

    @classmethod
    def of(cls, progress: MessageProgress, source: str = "", destination: str = "") -> "MessageView":
        """Return the view of what is known of a message."""
        words, detail, tone = _words(progress)
        return cls(progress.message_id, progress.status, words, detail, tone, progress.is_final, source, destination)


def _words(progress: MessageProgress) -> tuple[str, str, Literal["good", "bad", ""]]:
    if progress.status == "Queued":
        return "Queued", "The gateway is working on it.", ""
    if progress.code_id is not None:
        return progress.status, f"{progress.reason or 'No reason given'} (code {progress.code_id})", "bad"
    count = (
        f"{progress.segments_sent} of {progress.segments_total} segment{'' if progress.segments_total == 1 else 's'}"
    )
    if progress.status == HANDED_OVER:
        taken = f"{count} accepted."
        return (
            "Handed to the carrier",
            taken if progress.is_final else f"{taken} Waiting for its receipt.",
            ("good" if progress.is_final else ""),
        )
    if progress.status.upper() in DELIVERED:
        return "Delivered", f"The carrier reports {progress.status}.", "good"
    return progress.status.capitalize(), progress.reason or "That is what the carrier reports.", "bad"


def text_of(context: PageContext) -> str:
    """Return the text as it was typed: browsers post line breaks as CRLF, which would cost a unit more each."""
    return context.text("text").replace("\r\n", "\n")


async def show(context: PageContext) -> web.StreamResponse:
    """Show the form."""
    return _form(context, _trunk(context), {"source": "", "destination": "", "text": ""})


async def send(context: PageContext) -> web.StreamResponse:
    """Send, and show what becomes of it."""
    trunk = _trunk(context)
    source, destination, text = context.text("source"), context.text("destination").strip(), text_of(context)
    try:
        message_id = await context.operations.send_sms(context.actor, trunk.id, source, destination, text)
    except RuleViolated as error:
        form = {"source": source, "destination": destination, "text": text}
        return _form(context, trunk, form, by_field(error), 422)
    if not context.fragment:
        return context.redirect(f"/sms/messages/{message_id}")  # so that reloading does not send it again
    progress = context.operations.message_status(context.actor, message_id)
    return _message(context, trunk, MessageView.of(progress, source, destination))


async def estimate(context: PageContext) -> web.StreamResponse:
    """Answer with what the text would become, counted by the code that will cut it."""
    note = context.operations.estimate(text_of(context))
    return context.json({"problem": note.problem, **_numbers(note)})


async def message(context: PageContext) -> web.StreamResponse:
    """Show a message that was sent here."""
    progress = context.operations.message_status(context.actor, context.request.match_info["id"])
    trunk, _ = context.operations.trunk(context.actor, progress.trunk_id)
    return _message(context, trunk, MessageView.of(progress))


async def state(context: PageContext) -> web.StreamResponse:
    """Answer with the state alone, for the poll."""
    progress = context.operations.message_status(context.actor, context.request.match_info["id"])
    return context.render("trunks/message_state.html", message=MessageView.of(progress))


def _trunk(context: PageContext) -> Trunk:
    return context.operations.trunk(context.actor, context.request.match_info["id"])[0]


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
    sources = context.operations.sources_of(context.actor, trunk.id)
    note = context.operations.estimate(form["text"])
    return context.render(
        "trunks/send.html",
        status=status,
        section="trunks",
        trunk={"id": trunk.id, "name": trunk.name, "blocked": trunk.blocked},
        sources=[(number, number) for number in sources],
        form=form,
        note={"problem": note.problem, **_numbers(note)},
        problems=problems,
    )


def _message(context: PageContext, trunk: Trunk, view: MessageView) -> web.Response:
    return context.render(
        "trunks/message.html", section="trunks", trunk={"id": trunk.id, "name": trunk.name}, message=view
    )


PAGES = (
    Page("GET", "/sms/trunks/{id}/send", show, Permission.SEND_SMS),
    Page("POST", "/sms/trunks/{id}/send", send, Permission.SEND_SMS),
    Page("POST", "/sms/estimate", estimate, Permission.SEND_SMS),
    Page("GET", "/sms/messages/{id}", message),
    Page("GET", "/sms/messages/{id}/state", state),
)
