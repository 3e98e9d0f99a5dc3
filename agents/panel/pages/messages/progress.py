"""What became of a message that was sent here, in a person's words."""

from dataclasses import dataclass
from datetime import UTC
from typing import Final, Literal

from aiohttp import web

from agents.panel.operations.messages import MessageProgress
from agents.panel.page import Page, PageContext
from pipeline.counted import counted
from schemas.directory.trunk import Trunk

DELIVERED: Final = frozenset({"DELIVERED", "DELIVRD"})
SCHEDULED: Final = "Scheduled"
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
    if progress.status == SCHEDULED and progress.send_at is not None:
        at = f"{progress.send_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        return "Scheduled", f"It is sent at {at} UTC. Until then it can be canceled.", "good"
    if progress.code_id is not None:
        return progress.status, _sentence(progress.reason or "No reason was given"), "bad"
    count = f"{progress.segments_sent} of {counted(progress.segments_total, 'segment')}"
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


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


async def message(context: PageContext) -> web.StreamResponse:
    """Show a message that was sent here."""
    progress = context.operations.messages.progress(context.actor, context.request.match_info["id"])
    trunk, _ = context.operations.trunks.get(context.actor, progress.trunk_id)
    return message_window(context, trunk, MessageView.of(progress))


async def state(context: PageContext) -> web.StreamResponse:
    """Answer with the state alone, for the poll."""
    progress = context.operations.messages.progress(context.actor, context.request.match_info["id"])
    return context.render("messages/message_state.html", message=MessageView.of(progress))


def message_window(context: PageContext, trunk: Trunk, view: MessageView) -> web.Response:
    """Return the window that shows a message's state, and polls for it."""
    return context.render(
        "messages/message.html", section="trunks", trunk={"id": trunk.id, "name": trunk.name}, message=view
    )


PAGES = (
    Page("GET", "/sms/messages/{id}", message),
    Page("GET", "/sms/messages/{id}/state", state),
)
