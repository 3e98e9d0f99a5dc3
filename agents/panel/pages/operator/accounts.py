"""Accounts: which there are, and which one to work in."""

from collections import Counter
from typing import Final

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.operations.limits import LimitSettings
from agents.panel.page import Page, PageContext
from agents.panel.pages.parts.day_use import near_limits_of_account
from agents.panel.pages.parts.entry_pages import EditablePages, Fields
from agents.panel.pages.parts.forms import Problems, refuse
from agents.panel.pages.parts.limit_fields import LIMIT_LABELS, limit_settings, limits_of, posted_limits
from agents.panel.pages.parts.listing import ListPage
from schemas.directory.account import Account, Did, NumberCheck
from schemas.directory.trunk import Trunk

LABELS: Final = {"name": "Name", **LIMIT_LABELS}


class AccountPages(EditablePages):
    """The pages of accounts; who adds one works in it from then on."""

    listed = ListPage("/accounts", "accounts", "accounts/list.html", sort="name", filters=("name",))
    group = "Operator"
    title = "Accounts"
    noun = "account"
    form_template = "accounts/form.html"
    labels = LABELS
    see = change = Permission.OPERATE

    async def show(self, context: PageContext) -> web.StreamResponse:
        """Show the accounts, and how much is in each."""
        query = self.listed.query(context)
        part = context.operations.accounts.list(context.actor, name=query.filters["name"], paging=query.paging)
        directory = context.operations.directory
        trunks = Counter(it.account_id for it in directory.entries(Trunk) if it.deleted_at is None)
        numbers = Counter(it.account_id for it in directory.entries(Did))

        def row(account: Account) -> dict[str, object]:
            identity = account.id
            return {
                "id": identity,
                "name": account.name,
                "blocked": account.blocked,
                "form_only": account.checks is NumberCheck.FORM,
                "near": near_limits_of_account(context, identity),
                "trunks": trunks[identity],
                "numbers": numbers[identity],
            }

        return self.listed.render(context, query, part, row, kind=self)

    def blank(self) -> Fields:
        """Return what an empty form holds."""
        return {"name": "", "blocked": False, "form_only": False, "store_texts": False}

    def posted(self, context: PageContext) -> Fields:
        """Return what a posted form holds."""
        return {
            "name": context.text("name"),
            "blocked": context.checked("blocked"),
            "form_only": context.checked("form_only"),
            "store_texts": context.checked("store_texts"),
            **posted_limits(context),
        }

    async def add(self, context: PageContext) -> web.Response:
        """Create an account and work in it."""
        account = await context.operations.accounts.create(
            context.actor,
            context.text("name"),
            number_check=_number_check(context),
            store_texts=context.checked("store_texts"),
            limits=_limits(context),
        )
        context.choose_account(account.id)
        return self.done(context, f"{account.name} has been created, and you are working in it.")

    def saved(self, context: PageContext, identity: str) -> tuple[Fields, int]:
        """Return name and state of an account, and its version."""
        account, version = context.operations.accounts.get(context.actor, identity)
        return {
            "name": account.name,
            "blocked": account.blocked,
            "form_only": account.checks is NumberCheck.FORM,
            "store_texts": account.keeps_text,
            **limits_of(account),
        }, version

    async def save(self, context: PageContext, identity: str, version: int) -> str:
        """Rename or block an account, or choose how its numbers are checked and whether its texts are kept."""
        name = context.text("name")
        await context.operations.accounts.update(
            context.actor,
            identity,
            name=name,
            blocked=context.checked("blocked"),
            number_check=_number_check(context),
            store_texts=context.checked("store_texts"),
            limits=_limits(context),
            expected_version=version,
        )
        return f"{name.strip()} has been saved."

    def name_of(self, context: PageContext, identity: str) -> str:
        """Return its name."""
        return context.operations.accounts.get(context.actor, identity)[0].name

    async def remove(self, context: PageContext, identity: str) -> str:
        """Remove an account; what it still has forbids it."""
        await context.operations.accounts.delete(context.actor, identity)
        if context.session is not None and context.session.account_id == identity:
            context.session.account_id = None
        return "The account has been deleted."


def _limits(context: PageContext) -> LimitSettings:
    """Return the limits that were posted. Raises `RuleViolated`."""
    problems: Problems = {}
    limits = limit_settings(posted_limits(context), problems)
    refuse(problems)
    return limits


def _number_check(context: PageContext) -> NumberCheck:
    return NumberCheck.FORM if context.checked("form_only") else NumberCheck.PLAN


async def switch(context: PageContext) -> web.StreamResponse:
    """Work in another account from now on; in none with an empty one."""
    account_id = context.text("account_id")
    if account_id:
        context.choose_account(account_id)
        return context.redirect("/sms/trunks")
    if context.session is not None:
        context.session.account_id = None
    return context.redirect("/accounts")


PAGES = (*AccountPages().pages(), Page("POST", "/accounts/switch", switch, Permission.OPERATE))
