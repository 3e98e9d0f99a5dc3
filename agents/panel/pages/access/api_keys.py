"""API keys: shown once when they are made, revoked at once."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiohttp import web

from agents.panel.operations.actor import ROLE_WORDS, Permission
from agents.panel.page import PageContext
from agents.panel.pages.access.roles import chosen_role, offered_roles
from agents.panel.pages.access.shown_once import shown_once
from agents.panel.pages.parts.entry_pages import Edited, EntryPages, Fields
from agents.panel.pages.parts.forms import choice
from agents.panel.pages.parts.listing import ListPage
from agents.panel.pages.parts.navigation import way_back
from agents.panel.pages.parts.words import utc
from pipeline.directory.values import name_problem
from pipeline.errors import RuleViolated
from schemas.directory.people import ApiKey, PanelRole

LABELS: Final = {"key_name": "Name", "role": "Role", "expires": "Expires"}
NEVER: Final = "0"
DEFAULT_DAYS: Final = "365"
LIFETIMES: Final = (("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"), (NEVER, "Never"))


class ApiKeyPages(EntryPages):
    """The pages of API keys; one is never changed."""

    listed = ListPage("/api-keys", "api-keys", "api_keys/list.html", sort="name")
    group = "Access"
    title = "API keys"
    noun = "API key"
    counted = "key"
    form_template = "api_keys/form.html"
    labels = LABELS
    see = Permission.SEE
    change = Permission.MANAGE_ACCESS
    add_verb = "Create"
    remove_verb = "Revoke"
    question = "This key will be refused from now on:"

    async def show(self, context: PageContext) -> web.StreamResponse:
        """Show which keys there are; to operators who have chosen no account, all."""
        query = self.listed.query(context)
        part = context.operations.api_keys.list(context.actor, account_id=context.account_id, paging=query.paging)
        now, last_uses = datetime.now(UTC), context.operations.last_uses
        return self.listed.render(
            context, query, part, lambda it: _row(it, now, last_uses.of("apikey", it.id)), kind=self
        )

    def blank(self) -> Fields:
        """Return what an empty form holds."""
        return {"key_name": "", "role": PanelRole.MEMBER.value, "expires": DEFAULT_DAYS}

    def posted(self, context: PageContext) -> Fields:
        """Return what a posted form holds."""
        return {"key_name": context.text("key_name"), "role": context.text("role"), "expires": context.text("expires")}

    def offered(self, context: PageContext, edited: Edited | None) -> dict[str, Any]:
        """Return the roles that can be chosen."""
        return {"roles": offered_roles(of_operators=context.account_id is None), "lifetimes": LIFETIMES}

    async def add(self, context: PageContext) -> web.Response:
        """Make a key, and show it once."""
        name = context.text("key_name")
        role = chosen_role(context.text("role"), lambda: _name_problems(name))
        try:
            record, text = await context.operations.api_keys.create(
                context.actor, name, role, account_id=context.account_id, valid_for=_valid_for(context)
            )
        except RuleViolated as error:
            # The form's field has a name of its own.
            raise RuleViolated([("key_name" if it == "name" else it, what) for it, what in error.problems]) from None
        return shown_once(
            context,
            section=self.listed.section,
            heading="API key created",
            about=record.name,
            label="Key",
            secret=text,
            back=way_back(context, self.path),
        )

    def name_of(self, context: PageContext, identity: str) -> str:
        """Return its name, and by what it can be told from others of that name."""
        record = context.operations.api_keys.get(context.actor, identity)
        return f"{record.name} (…{record.hint})"

    async def remove(self, context: PageContext, identity: str) -> str:
        """Revoke a key."""
        await context.operations.api_keys.revoke(context.actor, identity)
        return "The key has been revoked."


def _name_problems(name: str) -> list[tuple[str, str]]:
    problem = name_problem(name.strip())
    return [] if problem is None else [("key_name", problem)]


def _valid_for(context: PageContext) -> timedelta | None:
    days = choice(context.text("expires"), (days for days, _ in LIFETIMES), DEFAULT_DAYS)
    return timedelta(days=int(days)) if days != NEVER else None


def _row(api_key: ApiKey, now: datetime, last_used: datetime | None) -> dict[str, object]:
    return {
        "id": api_key.id,
        "name": api_key.name,
        "role_words": ROLE_WORDS[api_key.role],
        "hint": f"…{api_key.hint}",
        "created": utc(api_key.created_at),
        "expires": utc(api_key.expires_at),
        "has_expired": api_key.expires_at is not None and api_key.expires_at <= now,
        "last_used": utc(last_used),
    }


PAGES = ApiKeyPages().pages()
