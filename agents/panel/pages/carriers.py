"""Carriers, for operators."""

from typing import Any, Final

from aiohttp import web

from agents.panel.operations import Conflict, Permission
from agents.panel.operations.routing import CarrierSettings
from agents.panel.page import Page, PageContext
from agents.panel.pages.listing import Listing, Wanted
from agents.panel.pages.replies import Problems, by_field, choice, expected_version, go_to, whole_number
from pipeline.errors import RuleViolated
from schemas.directory.carrier import Carrier, InDoubtPolicy

POLICY_WORDS: Final = {
    InDoubtPolicy.RESEND_WITH_KEY: "Send again with its key",
    InDoubtPolicy.QUERY: "Ask the carrier",
    InDoubtPolicy.GIVE_UP: "Report it as failed",
    InDoubtPolicy.RESEND: "Send again, perhaps twice",
}
FIELDS: Final = ("name", "url", "in_doubt_policy", "max_in_flight", "timeout_seconds")


async def show(context: PageContext) -> web.StreamResponse:
    """Show the carriers."""
    wanted = Wanted.of("/carriers", context.request.query, (), "name")
    part = context.operations.list_carriers(context.actor, sort=wanted.sort, page=wanted.page, size=wanted.size)
    return context.render(
        "carriers/list.html", section="carriers", listing=Listing(part, wanted), rows=part.items, policies=POLICY_WORDS
    )


async def new(context: PageContext) -> web.StreamResponse:
    """Show an empty form."""
    return _form(context, _fields(Carrier.model_construct(id="", name="", url="")))


async def create(context: PageContext) -> web.StreamResponse:
    """Add a carrier."""
    settings, problems = _settings(context)
    try:
        if not problems:
            carrier, _ = await context.operations.create_carrier(context.actor, settings)
            context.flash("good", f"{carrier.name} has been added.")
            return go_to(context, "/carriers")
    except RuleViolated as error:
        problems = by_field(error)
    return _form(context, _posted(context), problems=problems, status=422)


async def edit(context: PageContext) -> web.StreamResponse:
    """Show a carrier's form."""
    carrier, version = context.operations.carrier(context.actor, context.request.match_info["id"])
    return _form(context, _fields(carrier), carrier.id, version)


async def update(context: PageContext) -> web.StreamResponse:
    """Save a carrier."""
    carrier_id, version = context.request.match_info["id"], expected_version(context)
    settings, problems = _settings(context)
    try:
        if not problems:
            carrier, _ = await context.operations.update_carrier(context.actor, carrier_id, settings, version)
            context.flash("good", f"{carrier.name} has been saved.")
            return go_to(context, "/carriers")
    except RuleViolated as error:
        problems = by_field(error)
    except Conflict as error:
        version = context.operations.carrier(context.actor, carrier_id)[1]
        return _form(context, _posted(context), carrier_id, version, {"version": [str(error)]}, 409)
    return _form(context, _posted(context), carrier_id, version, problems, 422)


async def ask(context: PageContext) -> web.StreamResponse:
    """Ask before a carrier is removed."""
    return _question(context)


async def delete(context: PageContext) -> web.StreamResponse:
    """Remove a carrier; routes that lead to it forbid it."""
    try:
        await context.operations.delete_carrier(context.actor, context.request.match_info["id"])
    except RuleViolated as error:
        return _question(context, by_field(error), 422)
    context.flash("good", "The carrier has been deleted.")
    return go_to(context, "/carriers")


def _fields(carrier: Carrier) -> dict[str, Any]:
    shown = {field: getattr(carrier, field) for field in FIELDS}
    shown["timeout_seconds"] = f"{carrier.timeout_seconds:g}"
    return {**shown, "in_doubt_policy": carrier.in_doubt_policy.value, "blocked": carrier.blocked}


def _posted(context: PageContext) -> dict[str, Any]:
    return {**{field: context.text(field) for field in FIELDS}, "blocked": context.checked("blocked")}


def _settings(context: PageContext) -> tuple[CarrierSettings, Problems]:
    problems: Problems = {}
    policy = choice(context.text("in_doubt_policy"), InDoubtPolicy, InDoubtPolicy.GIVE_UP)
    try:
        timeout = float(context.text("timeout_seconds"))
    except ValueError:
        timeout = 1.0
        problems["timeout_seconds"] = ["must be a number"]
    settings = CarrierSettings(
        name=context.text("name").strip(),
        url=context.text("url").strip(),
        in_doubt_policy=InDoubtPolicy(policy),
        max_in_flight=whole_number(context.text("max_in_flight"), problems, "max_in_flight"),
        timeout_seconds=timeout,
        blocked=context.checked("blocked"),
    )
    return settings, problems


def _form(
    context: PageContext,
    form: dict[str, Any],
    carrier_id: str | None = None,
    version: int = 0,
    problems: Problems | None = None,
    status: int = 200,
) -> web.Response:
    return context.render(
        "carriers/form.html",
        status=status,
        section="carriers",
        form=form,
        carrier_id=carrier_id,
        version=version,
        policies=[(policy.value, words) for policy, words in POLICY_WORDS.items()],
        problems=problems or {},
    )


def _question(context: PageContext, problems: Problems | None = None, status: int = 200) -> web.Response:
    carrier, _ = context.operations.carrier(context.actor, context.request.match_info["id"])
    return context.render(
        "confirm.html",
        status=status,
        section="carriers",
        heading="Delete carrier",
        question="This carrier will be deleted permanently:",
        names=[carrier.name],
        consequence="",
        fields=[],
        action=f"/carriers/{carrier.id}/delete",
        back="/carriers",
        verb="Delete",
        problems=problems or {},
    )


PAGES = (
    Page("GET", "/carriers", show, Permission.OPERATE),
    Page("GET", "/carriers/new", new, Permission.OPERATE),
    Page("POST", "/carriers", create, Permission.OPERATE),
    Page("GET", "/carriers/{id}/edit", edit, Permission.OPERATE),
    Page("POST", "/carriers/{id}/edit", update, Permission.OPERATE),
    Page("GET", "/carriers/{id}/delete", ask, Permission.OPERATE),
    Page("POST", "/carriers/{id}/delete", delete, Permission.OPERATE),
)
