"""Create and edit an HTTP OUT trunk."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from agents.panel.operations import Conflict, Permission
from agents.panel.operations.trunks import TrunkSettings
from agents.panel.page import Page, PageContext
from agents.panel.pages.replies import Problems, by_field, expected_version, go_to, need_account, utc
from agents.panel.pages.trunk_callbacks import attempt_rows
from pipeline.directory.values import normalize_networks, url_problem
from pipeline.errors import RuleViolated
from schemas.address import MSISDN
from schemas.directory.trunk import Trunk

MAX_CHIPS: Final = 500
MAX_SHOWN: Final = 5
MAX_NAME: Final = 100

LABELS: Final = {
    "name": "Friendly name",
    "callback_url": "Callback URL",
    "allowed_ips": "Allowed IP addresses",
    "blocked": "Blocked",
    "allow_any_did": "Allow any DID(s) for SMS OUT",
    "allowed_sources": "Allowed Source Addresses",
    "receipts_enabled": "Delivery receipts",
}

_SEPARATORS: Final = re.compile(r"[\s,;]+")


@dataclass(frozen=True, slots=True)
class TrunkForm:
    """The form's fields, as somebody typed them."""

    name: str
    callback_url: str = ""
    allowed_ips: str = ""
    blocked: bool = False
    allow_any_did: bool = True
    allowed_sources: str = ""
    receipts_enabled: bool = False

    @classmethod
    def of_trunk(cls, trunk: Trunk) -> "TrunkForm":
        """Return the form of a trunk as it is."""
        return cls(
            trunk.name,
            trunk.callback_url or "",
            "\n".join(trunk.allowed_ips),
            trunk.blocked,
            trunk.allow_any_did,
            "\n".join(trunk.allowed_sources),
            trunk.receipts_enabled,
        )

    @classmethod
    def of_request(cls, context: PageContext) -> "TrunkForm":
        """Return the form as it was posted."""
        return cls(
            context.text("name"),
            context.text("callback_url"),
            context.text("allowed_ips"),
            context.checked("blocked"),
            context.checked("allow_any_did"),
            context.text("allowed_sources"),
            context.checked("receipts_enabled"),
        )

    def settings(self) -> TrunkSettings:
        """Return what is to be set."""
        return TrunkSettings(
            name=self.name,
            callback_url=self.callback_url,
            allowed_ips=_entries(self.allowed_ips),
            allow_any_did=self.allow_any_did,
            allowed_sources=tuple(dict.fromkeys(it.removeprefix("+") for it in _entries(self.allowed_sources))),
            blocked=self.blocked,
            receipts_enabled=self.receipts_enabled,
        )

    def problems(self) -> Problems:
        """Return what makes a trunk unreadable, which the directory's rules look no further than; with it the rest."""
        name = self.name.strip()
        bad = [it for it in self.settings()["allowed_sources"] if not MSISDN.fullmatch(it)]
        found: Problems = {}
        if not name:
            found["name"] = ["must not be empty"]
        elif len(name) > MAX_NAME:
            found["name"] = [f"must not have more than {MAX_NAME} characters"]
        if bad:
            found["allowed_sources"] = [f"{it[:32]!r} is not a phone number, digits only" for it in bad[:MAX_SHOWN]]
        if not found:
            return {}
        if (url := self.callback_url.strip()) and (problem := url_problem(url)) is not None:
            found["callback_url"] = [problem]
        try:
            normalize_networks(_entries(self.allowed_ips))
        except RuleViolated as error:
            found |= by_field(error)
        return found


def _entries(text: str) -> list[str]:
    return [entry for entry in _SEPARATORS.split(text) if entry]


async def new(context: PageContext) -> web.StreamResponse:
    """Show an empty form with a name that is free."""
    account_id = need_account(context)
    proposed = context.operations.propose_trunk_name(context.actor, account_id)
    return _page(context, TrunkForm(proposed), account_id)


async def create(context: PageContext) -> web.StreamResponse:
    """Create a trunk in the account that the form was opened in."""
    form, account_id = TrunkForm.of_request(context), context.text("account_id") or need_account(context)
    problems = form.problems()
    try:
        if not problems:
            trunk, _ = await context.operations.create_trunk(context.actor, form.settings(), account_id)
            context.flash("good", f"{trunk.name} has been created. Its username and password are behind the key icon.")
            return go_to(context, "/sms/trunks")
    except RuleViolated as error:
        problems = by_field(error)
    return _page(context, form, account_id, problems=problems, status=422)


async def edit(context: PageContext) -> web.StreamResponse:
    """Show a trunk's form."""
    trunk, version = context.operations.trunk(context.actor, context.request.match_info["id"])
    return _page(context, TrunkForm.of_trunk(trunk), trunk.account_id, trunk=trunk, version=version)


async def update(context: PageContext) -> web.StreamResponse:
    """Save a trunk, unless somebody else has changed it since the form was opened."""
    form, trunk_id = TrunkForm.of_request(context), context.request.match_info["id"]
    problems, conflict, status = form.problems(), None, 422
    try:
        if not problems:
            await context.operations.update_trunk(context.actor, trunk_id, form.settings(), expected_version(context))
            context.flash("good", f"{form.name.strip()} has been saved.")
            return go_to(context, "/sms/trunks")
    except RuleViolated as error:
        problems = by_field(error)
    except Conflict:
        conflict, status = True, 409
    trunk, version = context.operations.trunk(context.actor, trunk_id)
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


def _conflict(context: PageContext, trunk: Trunk, form: TrunkForm) -> dict[str, Any]:
    """Say who was faster, and in what the two differ."""
    saved, posted = TrunkForm.of_trunk(trunk).settings(), form.settings()
    differences = [
        {"label": label, "theirs": _words(saved.get(field)), "yours": _words(posted.get(field))}
        for field, label in LABELS.items()
        if _words(saved.get(field)) != _words(posted.get(field))
    ]
    events = context.operations.list_audit_events(context.actor, text=trunk.id, account_id=trunk.account_id, size=20)
    last = next((it for it in events.items if it.differences), None)
    return {"differences": differences, "who": last and last.actor, "when": utc(last.at) if last else None}


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        more = f" and {len(value) - MAX_SHOWN:,} more" if len(value) > MAX_SHOWN else ""
        return ", ".join(sorted(map(str, value))[:MAX_SHOWN]) + more or "none"
    return str(value).strip() if value else "none"


def _page(
    context: PageContext,
    form: TrunkForm,
    account_id: str,
    *,
    trunk: Trunk | None = None,
    version: int = 0,
    conflict: dict[str, Any] | None = None,
    problems: Problems | None = None,
    status: int = 200,
) -> web.Response:
    return context.render(
        "trunks/form.html",
        status=status,
        section="trunks",
        form=form,
        account_id=account_id,
        trunk=trunk
        and {
            "id": trunk.id,
            "name": trunk.name,
            "version": version,
            "notified": trunk.callback_url is not None,
            "disabled_at": utc(trunk.callback_disabled_at),
        },
        attempts=attempt_rows(context, trunk.id) if trunk else (),
        conflict=conflict,
        problems=problems or {},
        labels=LABELS,
        available=context.operations.available_sources(context.actor, account_id)[:MAX_CHIPS],
    )


PAGES = (
    Page("GET", "/sms/trunks/new", new, Permission.MANAGE_TRUNKS),
    Page("POST", "/sms/trunks", create, Permission.MANAGE_TRUNKS),
    Page("GET", "/sms/trunks/{id}/edit", edit),
    Page("POST", "/sms/trunks/{id}/edit", update, Permission.MANAGE_TRUNKS),
)
