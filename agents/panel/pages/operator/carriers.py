"""Carriers."""

from typing import Any, Final

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.operations.routing.carriers import CarrierSettings
from agents.panel.page import PageContext
from agents.panel.pages.parts.entry_pages import EditablePages, Edited, Fields
from agents.panel.pages.parts.forms import Problems, choice, optional_number, refuse, whole_number
from agents.panel.pages.parts.listing import ListPage
from pipeline.carriers.profiles.shipped import PRACTICE
from schemas.directory.carrier import Carrier, InDoubtPolicy

POLICY_WORDS: Final = {
    InDoubtPolicy.RESEND_WITH_KEY: "Send again with its key",
    InDoubtPolicy.QUERY: "Ask the carrier",
    InDoubtPolicy.GIVE_UP: "Report it as failed",
    InDoubtPolicy.RESEND: "Send again, perhaps twice",
}


class _Labels(dict[str, str]):
    """What the fields are called: a parameter's or secret's by its own name, whatever the profile."""

    def __contains__(self, field: object) -> bool:
        return super().__contains__(field) or ":" in str(field)

    def __missing__(self, field: str) -> str:
        return field.rpartition("/")[2].replace("_", " ").capitalize()


LABELS: Final = _Labels(
    {
        "name": "Name",
        "url": "URL",
        "profile": "Profile",
        "in_doubt_policy": "When in doubt",
        "max_in_flight": "Posts in flight",
        "timeout_seconds": "Time-out",
        "segments_per_second": "Segments per second",
        "burst": "Burst",
    }
)
TEXTS: Final = ("name", "url", "in_doubt_policy", "max_in_flight", "timeout_seconds", "segments_per_second", "burst")


class CarrierPages(EditablePages):
    """The pages of carriers. A parameter's field is `parameters/<name>` behind its profile's name and a colon."""

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
        names = {it.id: it.form.name if it.form else it.id for it in context.operations.profiles.all(context.actor)}
        return self.listed.render(
            context, query, part, policies=POLICY_WORDS, kind=self, profiles=names, practice=PRACTICE
        )

    def blank(self) -> Fields:
        """Return what an empty form holds: a carrier's defaults."""
        return _fields(Carrier.model_construct(id="", name="", url=""))

    def posted(self, context: PageContext) -> Fields:
        """Return what a posted form holds, but for secrets: nothing that was typed there is shown again."""
        profile = context.text("profile") or PRACTICE
        return {
            **{field: context.text(field) for field in TEXTS},
            "blocked": context.checked("blocked"),
            "profile": profile,
            "parameters": _given(context, profile, "parameters"),
            "secrets": context.texts("kept_secrets"),
        }

    def form(
        self,
        context: PageContext,
        fields: Fields,
        edited: Edited | None = None,
        problems: Problems | None = None,
        status: int = 200,
    ) -> web.Response:
        """Return the form; what is wrong with a parameter stands at the field of the profile that is chosen."""
        placed = {
            f"{fields['profile']}:{name}" if name.startswith(("parameters/", "secrets/")) else name: texts
            for name, texts in (problems or {}).items()
        }
        return super().form(context, fields, edited, placed, status)

    def offered(self, context: PageContext, edited: Edited | None) -> dict[str, Any]:
        """Return the policies and profiles that can be chosen."""
        return {
            "policies": [(policy.value, words) for policy, words in POLICY_WORDS.items()],
            "profiles": [it for it in context.operations.profiles.all(context.actor) if it.form is not None],
        }

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
    shown = {field: "" if (held := getattr(carrier, field)) is None else held for field in TEXTS}
    shown["timeout_seconds"] = f"{carrier.timeout_seconds:g}"
    return {
        **shown,
        "in_doubt_policy": carrier.in_doubt_policy.value,
        "blocked": carrier.blocked,
        "profile": carrier.profile or PRACTICE,
        "parameters": carrier.parameters or {},
        "secrets": [secret.name for secret in carrier.secrets or ()],
    }


def _given(context: PageContext, profile: str, kind: str) -> dict[str, str]:
    """Return what was typed into the fields of one profile; the others' are on the page, too."""
    form = context.operations.profiles.form(context.actor, profile)
    names = () if form is None else form.parameters if kind == "parameters" else form.secrets
    return {name: context.text(f"{profile}:{kind}/{name}") for name in names}


def _settings(context: PageContext) -> CarrierSettings:
    problems: Problems = {}
    policy = choice(context.text("in_doubt_policy"), InDoubtPolicy, InDoubtPolicy.GIVE_UP)
    try:
        timeout = float(context.text("timeout_seconds"))
    except ValueError:
        timeout = 1.0
        problems["timeout_seconds"] = ["must be a number"]
    profile = context.text("profile") or PRACTICE
    settings = CarrierSettings(
        name=context.text("name").strip(),
        url=context.text("url").strip(),
        in_doubt_policy=InDoubtPolicy(policy),
        max_in_flight=whole_number(context.text("max_in_flight"), problems, "max_in_flight"),
        timeout_seconds=timeout,
        segments_per_second=optional_number(context.text("segments_per_second"), problems, "segments_per_second"),
        burst=optional_number(context.text("burst"), problems, "burst"),
        blocked=context.checked("blocked"),
        profile="" if profile == PRACTICE else profile,
        # A text area sends line ends of its own: certificates have others.
        parameters={k: it.replace("\r\n", "\n").strip() for k, it in _given(context, profile, "parameters").items()},
        secrets={k: it.replace("\r\n", "\n") for k, it in _given(context, profile, "secrets").items() if it},
    )
    identity = context.request.match_info.get("id")
    refuse(problems, lambda: context.operations.carriers.problems(context.actor, settings, identity, problems))
    return settings


PAGES = CarrierPages().pages()
