"""The credentials window: username, password on demand, and new ones."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.operations.trunks.trunk_secrets import NewCredentials
from agents.panel.page import Page, PageContext
from agents.panel.pages.parts.forms import Problems, by_field, chosen_seconds, unsaved
from agents.panel.pages.parts.words import utc
from agents.panel.pages.trunks.examples import PATH, examples
from pipeline.errors import BrokerError, RuleViolated
from pipeline.http.client_address import Networks, parse_address
from schemas.directory.trunk import Trunk

GRACES: Final = (
    ("86400", "1 day"),
    ("604800", "7 days"),
    ("3600", "1 hour"),
    ("600", "10 minutes"),
    ("0", "Not at all: refuse it at once"),
)
DEFAULT_GRACE: Final = GRACES[0][0]
"""Long enough to change every system over: without it whatever sends through the trunk stops at once."""


async def show(context: PageContext) -> web.StreamResponse:
    """Show the window; the password is not in it."""
    return _window(context)


async def reveal(context: PageContext) -> web.StreamResponse:
    """Show the password: as data to a script, else in the window."""
    password = await context.operations.trunk_secrets.reveal_password(context.actor, context.request.match_info["id"])
    if context.wants_json:
        return context.json({"value": password})
    return _window(context, password=password)


async def ask(context: PageContext) -> web.StreamResponse:
    """Ask before there is a new password, and for how long the old one works."""
    return _question(context)


async def regenerate(context: PageContext) -> web.StreamResponse:
    """Make a new password, on request a new username too, and show them."""
    try:
        renewed = await context.operations.trunk_secrets.regenerate_password(
            context.actor,
            context.request.match_info["id"],
            renew_username=context.checked("renew_username"),
            grace_seconds=chosen_seconds(context, "grace_seconds", GRACES),
        )
    except RuleViolated as error:
        return _question(context, problems=by_field(error), status=422)
    except BrokerError as error:
        return _question(context, problems=unsaved(error), status=503)
    return _window(context, password=renewed.password, renewed=renewed)


def _question(context: PageContext, problems: Problems | None = None, status: int = 200) -> web.Response:
    trunk, _ = context.operations.trunks.get(context.actor, context.request.match_info["id"])
    return context.render(
        "trunks/regenerate.html",
        status=status,
        section="trunks",
        trunk={"id": trunk.id, "name": trunk.name},
        graces=GRACES,
        grace=context.text("grace_seconds", DEFAULT_GRACE),
        renew_username=context.checked("renew_username"),
        problems=problems or {},
    )


def _window(
    context: PageContext,
    *,
    password: str | None = None,
    renewed: NewCredentials | None = None,
) -> web.Response:
    shown = context.operations.trunk_secrets.credentials(context.actor, context.request.match_info["id"])
    trunk, _ = context.operations.trunks.get(context.actor, shown.trunk_id)
    old = trunk.credentials[1].username if len(trunk.credentials) > 1 else shown.username
    view: dict[str, Any] = {
        "id": shown.trunk_id,
        "name": shown.trunk_name,
        "username": shown.username,
        "allowed_ips": shown.allowed_ips,
        "allow_any_did": shown.sources is None,
        "sources": shown.sources or (),
        "old_until": utc(shown.old_valid_until),
        "old_username": old,
    }
    return context.render(
        "trunks/credentials.html",
        section="trunks",
        trunk=view,
        hosts=shown.hosts,
        password=password,
        renewed=renewed and {"username": context.checked("renew_username"), "until": utc(renewed.old_valid_until)},
        not_allowed=context.ip if is_kept_out(context.ip, shown.allowed_ips) else None,
        examples=examples(context.templates, shown.hosts[0], shown.username, password, _source(context, trunk))
        if shown.hosts
        else (),
        path=PATH,
    )


def is_kept_out(ip: str | None, allowed: Sequence[str]) -> bool:
    """Tell whether an allow-list refuses the address that somebody looks at it from."""
    address = None if ip is None else parse_address(ip)
    return bool(allowed) and address is not None and address not in Networks(list(allowed))


def _source(context: PageContext, trunk: Trunk) -> str | None:
    return next(iter(context.operations.trunks.sources_of(context.actor, trunk.id)), None)


PAGES = (
    Page("GET", "/sms/trunks/{id}/credentials", show),
    Page("POST", "/sms/trunks/{id}/credentials/reveal", reveal, Permission.REVEAL_SECRETS),
    Page("GET", "/sms/trunks/{id}/credentials/regenerate", ask, Permission.MANAGE_TRUNKS),
    Page("POST", "/sms/trunks/{id}/credentials/regenerate", regenerate, Permission.MANAGE_TRUNKS),
)
