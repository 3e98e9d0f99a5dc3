"""API keys: shown once when they are made, revoked at once."""

from typing import Any, Final

from aiohttp import web

from agents.panel.operations import ROLE_WORDS, Permission
from agents.panel.page import PageContext
from agents.panel.pages.access.roles import chosen_role, offered_roles
from agents.panel.pages.access.shown_once import shown_once
from agents.panel.pages.entry_pages import Edited, EntryPages, Fields
from agents.panel.pages.listing import ListPage
from agents.panel.pages.navigation import way_back
from agents.panel.pages.words import utc
from pipeline.directory.values import name_problem
from pipeline.errors import RuleViolated
from schemas.directory.people import ApiKey, PanelRole

LABELS: Final = {"key_name": "Name", "role": "Role"}


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
        return self.listed.render(context, query, part, _row, kind=self)

    def blank(self) -> Fields:
        """Return what an empty form holds."""
        return {"key_name": "", "role": PanelRole.MEMBER.value}

    def posted(self, context: PageContext) -> Fields:
        """Return what a posted form holds."""
        return {"key_name": context.text("key_name"), "role": context.text("role")}

    def offered(self, context: PageContext, edited: Edited | None) -> dict[str, Any]:
        """Return the roles that can be chosen."""
        return {"roles": offered_roles(of_operators=context.account_id is None)}

    async def add(self, context: PageContext) -> web.Response:
        """Make a key, and show it once."""
        name = context.text("key_name")
        role = chosen_role(context.text("role"), lambda: _name_problems(name))
        try:
            record, text = await context.operations.api_keys.create(
                context.actor, name, role, account_id=context.account_id
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


def _row(api_key: ApiKey) -> dict[str, object]:
    return {
        "id": api_key.id,
        "name": api_key.name,
        "role_words": ROLE_WORDS[api_key.role],
        "hint": f"…{api_key.hint}",
        "created": utc(api_key.created_at),
    }


PAGES = ApiKeyPages().pages()
