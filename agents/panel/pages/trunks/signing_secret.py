"""The secret that signs a trunk's callbacks: shown on demand, rotated with an overlap."""

from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.operations.trunks.trunk_secrets import SigningSecrets
from agents.panel.page import Page, PageContext
from agents.panel.pages.parts.forms import Problems, by_field, chosen_seconds, unsaved
from agents.panel.pages.parts.words import utc
from pipeline.errors import BrokerError, RuleViolated

OVERLAPS: Final = (
    ("86400", "1 day"),
    ("604800", "7 days"),
    ("3600", "1 hour"),
    ("0", "Not at all: the new one alone, at once"),
)


async def show(context: PageContext) -> web.StreamResponse:
    """Show the window; the secret is not in it."""
    return _window(context)


async def reveal(context: PageContext) -> web.StreamResponse:
    """Show the secret: as data to a script, else in the window."""
    found = await context.operations.trunk_secrets.reveal_callback_secret(
        context.actor, context.request.match_info["id"]
    )
    if context.wants_json:
        return context.json({"value": found.current})
    return _window(context, found)


async def rotate(context: PageContext) -> web.StreamResponse:
    """Make a new secret and show it."""
    seconds = chosen_seconds(context, "overlap_seconds", OVERLAPS)
    try:
        found = await context.operations.trunk_secrets.rotate_callback_secret(
            context.actor, context.request.match_info["id"], valid_for_seconds=seconds
        )
    except RuleViolated as error:
        return _window(context, problems=by_field(error), status=422)
    except BrokerError as error:
        return _window(context, problems=unsaved(error), status=503)
    return _window(context, found, rotated=True)


def _window(
    context: PageContext,
    found: SigningSecrets | None = None,
    *,
    rotated: bool = False,
    problems: Problems | None = None,
    status: int = 200,
) -> web.Response:
    trunk, _ = context.operations.trunks.get(context.actor, context.request.match_info["id"])
    replaced = trunk.callback_secrets[1:]
    until = replaced[0].valid_until if replaced and replaced[0].valid_until else None
    if until is not None and until <= datetime.now(UTC):
        until = None
    return context.render(
        "trunks/signing_secret.html",
        status=status,
        section="trunks",
        trunk={"id": trunk.id, "name": trunk.name, "old_secret_until": utc(until)},
        secret=found and found.current,
        rotated={"until": utc(found.old_valid_until)} if found and rotated else None,
        overlaps=OVERLAPS,
        overlap=context.text("overlap_seconds", OVERLAPS[0][0]),
        problems=problems or {},
    )


PAGES = (
    Page("GET", "/sms/trunks/{id}/signing-secret", show),
    Page("POST", "/sms/trunks/{id}/signing-secret/reveal", reveal, Permission.REVEAL_SECRETS),
    Page("POST", "/sms/trunks/{id}/signing-secret/rotate", rotate, Permission.MANAGE_TRUNKS),
)
