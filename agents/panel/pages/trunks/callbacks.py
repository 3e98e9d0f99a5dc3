"""What a trunk's page tells about its endpoint: whether it wants notifications, and how the last attempts went."""

from dataclasses import dataclass
from datetime import UTC

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.page import Page, PageContext
from agents.panel.pages.parts.navigation import go_to
from schemas.messages.callback import AttemptOutcome, CallbackAttempt


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """What is shown of an attempt; the texts are the other side's, and are escaped like everything."""

    at: str
    at_iso: str
    number: str
    webhook_id: str
    kind: str
    result: str
    milliseconds: str
    words: str

    @classmethod
    def of(cls, attempt: CallbackAttempt) -> "AttemptRow":
        """Return the row of an attempt."""
        at = attempt.at.astimezone(UTC)
        answered = str(attempt.status_code) if attempt.status_code is not None else "No answer"
        return cls(
            f"{at:%Y-%m-%d %H:%M:%S}",
            at.isoformat(),
            f"{attempt.attempt}, resent" if attempt.resent_at else str(attempt.attempt),
            attempt.webhook_id,
            "good" if attempt.outcome is AttemptOutcome.ACCEPTED else "bad",
            f"{answered} Gone" if attempt.outcome is AttemptOutcome.GONE else answered,
            f"{attempt.milliseconds:,} ms",
            " ".join(it for it in (attempt.error, attempt.answer) if it),
        )


def attempt_rows(context: PageContext, trunk_id: str) -> list[AttemptRow]:
    """Return the last attempts of a trunk, newest first."""
    return [AttemptRow.of(it) for it in context.operations.callbacks.recent_attempts(context.actor, trunk_id)]


async def enable(context: PageContext) -> web.StreamResponse:
    """Have notifications posted again."""
    trunk = await context.operations.callbacks.enable(context.actor, context.request.match_info["id"])
    context.flash("good", f"Notifications of {trunk.name} are posted again, from the next one on.")
    return go_to(context, f"/sms/trunks/{trunk.id}/edit")


PAGES = (Page("POST", "/sms/trunks/{id}/enable-callback", enable, Permission.MANAGE_TRUNKS),)
