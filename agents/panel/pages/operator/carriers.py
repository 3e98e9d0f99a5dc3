"""Carriers."""

from typing import Any, Final

from aiohttp import web

from agents.panel.operations import Permission
from agents.panel.operations.routing.carriers import CarrierSettings
from agents.panel.page import PageContext
from agents.panel.pages.entry_pages import EditablePages, Edited, Fields
from agents.panel.pages.forms import Problems, choice, refuse, whole_number
from agents.panel.pages.listing import ListPage
from schemas.directory.carrier import Carrier, InDoubtPolicy

POLICY_WORDS: Final = {
    InDoubtPolicy.RESEND_WITH_KEY: "Send again with its key",
    InDoubtPolicy.QUERY: "Ask the carrier",
    InDoubtPolicy.GIVE_UP: "Report it as failed",
    InDoubtPolicy.RESEND: "Send again, perhaps twice",
}
LABELS: Final = {"name": "Name", "url": "URL", "max_in_flight": "Posts in flight", "timeout_seconds": "Time-out"}
TEXTS: Final = ("name", "url", "in_doubt_policy", "max_in_flight", "timeout_seconds")


class CarrierPages(EditablePages):
    """The pages of carriers."""

    listed = ListPage("/carriers", "carriers", "carriers/list.html", sort="name")
    group = "Operator"
    title = "Carriers"
    noun = "carrier"
    form_template = "carriers/form.html"
    labels = LABELS
    see = change = Permission.OPERATE

    async def show(self, context: PageContext) -> web.StreamResponse:
        """Show the carriers."""
        query = self.listed.query(context)
        part = context.operations.carriers.list(context.actor, paging=query.paging)
        return self.listed.render(context, query, part, policies=POLICY_WORDS, kind=self)

    def blank(self) -> Fields:
        """Return what an empty form holds: a carrier's defaults."""
        return _fields(Carrier.model_construct(id="", name="", url=""))

    def posted(self, context: PageContext) -> Fields:
        """Return what a posted form holds."""
        return {**{field: context.text(field) for field in TEXTS}, "blocked": context.checked("blocked")}

    def offered(self, context: PageContext, edited: Edited | None) -> dict[str, Any]:
        """Return the policies that can be chosen."""
        return {"policies": [(policy.value, words) for policy, words in POLICY_WORDS.items()]}

    async def add(self, context: PageContext) -> web.Response:
        """Add a carrier."""
        carrier, _ = await context.operations.carriers.create(context.actor, _settings(context))
        return self.done(context, f"{carrier.name} has been added.")

    def saved(self, context: PageContext, identity: str) -> tuple[Fields, int]:
        """Return the settings of a carrier, and its version."""
        carrier, version = context.operations.carriers.get(context.actor, identity)
        return _fields(carrier), version

    async def save(self, context: PageContext, identity: str, version: int) -> str:
        """Save a carrier."""
        carrier, _ = await context.operations.carriers.update(context.actor, identity, _settings(context), version)
        return f"{carrier.name} has been saved."

    def name_of(self, context: PageContext, identity: str) -> str:
        """Return its name."""
        return context.operations.carriers.get(context.actor, identity)[0].name

    async def remove(self, context: PageContext, identity: str) -> str:
        """Remove a carrier; routes that lead to it forbid it."""
        await context.operations.carriers.delete(context.actor, identity)
        return "The carrier has been deleted."


def _fields(carrier: Carrier) -> Fields:
    shown = {field: getattr(carrier, field) for field in TEXTS}
    shown["timeout_seconds"] = f"{carrier.timeout_seconds:g}"
    return {**shown, "in_doubt_policy": carrier.in_doubt_policy.value, "blocked": carrier.blocked}


def _settings(context: PageContext) -> CarrierSettings:
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
    identity = context.request.match_info.get("id")
    refuse(problems, lambda: context.operations.carriers.problems(context.actor, settings, identity, problems))
    return settings


PAGES = CarrierPages().pages()
