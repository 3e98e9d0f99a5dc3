"""Create and edit an HTTP OUT trunk."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.operations.entries.paging import Paging
from agents.panel.operations.errors import Conflict
from agents.panel.page import Page, PageContext
from agents.panel.pages.parts.countries import country_boxes
from agents.panel.pages.parts.day_use import near_limits
from agents.panel.pages.parts.forms import Problems, by_field, expected_version, unsaved
from agents.panel.pages.parts.navigation import go_to, need_account, way_back
from agents.panel.pages.parts.words import utc
from agents.panel.pages.trunks import callback_fields
from agents.panel.pages.trunks.callbacks import attempt_rows
from agents.panel.pages.trunks.fields import LABELS, MAX_NAMED, SMART_ENCODINGS, TrunkFields
from pipeline.errors import BrokerError, RuleViolated
from schemas.directory.trunk import Trunk

PATH: Final = "/sms/trunks"
MAX_CHIPS: Final = 500
MAX_SHOWN: Final = 200  # characters of a value inside of another: certificates are longer


async def new(context: PageContext) -> web.StreamResponse:
    """Show an empty form with a name that is free."""
    account_id = need_account(context)
    proposed = context.operations.trunks.propose_name(context.actor, account_id)
    refused = context.operations.trunks.refused_at_first(context.actor, account_id)
    return _page(context, TrunkFields(proposed, refused_countries=refused), account_id, expensive=refused)


async def create(context: PageContext) -> web.StreamResponse:
    """Create a trunk in the account that the form was opened in."""
    form, account_id = TrunkFields.of_request(context), context.text("account_id") or need_account(context)
    problems, status = form.problems(), 422
    try:
        if not problems:
            trunk, _ = await context.operations.trunks.create(context.actor, form.settings(), account_id)
            context.flash("good", f"{trunk.name} has been created. These are its credentials.")
            return go_to(context, f"{PATH}/{trunk.id}/credentials")
    except RuleViolated as error:
        problems = by_field(error)
    except BrokerError as error:
        problems, status = unsaved(error), 503
    return _page(context, form, account_id, problems=problems, status=status)


async def edit(context: PageContext) -> web.StreamResponse:
    """Show a trunk's form."""
    trunk, version = context.operations.trunks.get(context.actor, context.request.match_info["id"])
    return _page(context, TrunkFields.of_trunk(trunk), trunk.account_id, trunk=trunk, version=version)


async def update(context: PageContext) -> web.StreamResponse:
    """Save a trunk, unless somebody else has changed it since the form was opened."""
    form, trunk_id = TrunkFields.of_request(context), context.request.match_info["id"]
    problems, conflict, status = form.problems(), None, 422
    try:
        if not problems:
            await context.operations.trunks.update(context.actor, trunk_id, form.settings(), expected_version(context))
            context.flash("good", f"{form.name.strip()} has been saved.")
            return go_to(context, way_back(context, PATH))
    except RuleViolated as error:
        problems = by_field(error)
    except BrokerError as error:
        problems, status = unsaved(error), 503
    except Conflict:
        conflict, status = True, 409
    trunk, version = context.operations.trunks.get(context.actor, trunk_id)
    return _page(
        context,
        form,
        trunk.account_id,
        trunk=trunk,
        # With problems the form is still the one that was made from the earlier version.
        version=version if conflict else expected_version(context),
        conflict=_conflict(context, trunk, form) if conflict else None,
        problems=problems,
        status=status,
    )


def _conflict(context: PageContext, trunk: Trunk, form: TrunkFields) -> dict[str, Any]:
    """Say who was faster, and in what the two differ."""
    saved, posted = TrunkFields.of_trunk(trunk).settings(), form.settings()
    differences = [
        {"label": label, "theirs": _words(saved.get(field)), "yours": _words(posted.get(field))}
        for field, label in LABELS.items()
        if field in posted and _words(saved.get(field)) != _words(posted.get(field))
    ]
    events = context.operations.audit_events.list(
        context.actor, text=trunk.id, account_id=trunk.account_id, paging=Paging(size=20)
    )
    last = next((it for it in events.items if it.differences), None)
    return {"differences": differences, "who": last and last.actor, "when": utc(last.at) if last else None}


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        shown = ((name, _words(it)[:MAX_SHOWN]) for name, it in value.items() if it and name != "secrets")
        return "; ".join(f"{name}: {words}" for name, words in shown) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        more = f" and {len(value) - MAX_NAMED:,} more" if len(value) > MAX_NAMED else ""
        return ", ".join(sorted(map(str, value))[:MAX_NAMED]) + more or "none"
    return str(value).strip() if value else "none"


def _page(
    context: PageContext,
    form: TrunkFields,
    account_id: str,
    *,
    trunk: Trunk | None = None,
    version: int = 0,
    conflict: dict[str, Any] | None = None,
    problems: Problems | None = None,
    status: int = 200,
    expensive: tuple[str, ...] | None = None,
) -> web.Response:
    if expensive is None:
        expensive = context.operations.trunks.refused_at_first(context.actor, account_id)
    return context.render(
        "trunks/form.html",
        status=status,
        section="trunks",
        form=form,
        account_id=account_id,
        back=way_back(context, PATH),
        trunk=trunk
        and {
            "id": trunk.id,
            "name": trunk.name,
            "version": version,
            "notified": trunk.callback_url is not None,
            "disabled_at": utc(trunk.callback_disabled_at),
        },
        attempts=attempt_rows(context, trunk.id) if trunk else (),
        near=near_limits(context.operations.day_uses.of_trunk(context.actor, trunk.id)) if trunk else (),
        conflict=conflict,
        problems=callback_fields.placed(problems or {}),
        labels=LABELS,
        countries=country_boxes(form.refused_countries or (), expensive),
        callbacks=form.callbacks or callback_fields.USUAL,
        callback_labels=callback_fields.LABELS,
        callback_authorizations=callback_fields.AUTHORIZATIONS,
        callback_events=callback_fields.EVENT_WORDS,
        smart_encodings=list(SMART_ENCODINGS.items()),
        available=context.operations.trunks.available_sources(context.actor, account_id)[:MAX_CHIPS],
    )


PAGES = (
    Page("GET", "/sms/trunks/new", new, Permission.MANAGE_TRUNKS),
    Page("POST", "/sms/trunks", create, Permission.MANAGE_TRUNKS),
    Page("GET", "/sms/trunks/{id}/edit", edit),
    Page("POST", "/sms/trunks/{id}/edit", update, Permission.MANAGE_TRUNKS),
)
