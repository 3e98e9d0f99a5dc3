"""Accounts, for operators: which there are, and which one to work in."""

from collections import Counter
from typing import Any

from aiohttp import web

from agents.panel.operations import Conflict, Permission
from agents.panel.page import Page, PageContext
from agents.panel.pages.listing import Listing, Wanted
from agents.panel.pages.replies import Problems, by_field, expected_version, go_to
from pipeline.errors import RuleViolated
from schemas.directory.account import Account, Did
from schemas.directory.trunk import Trunk


async def show(context: PageContext) -> web.StreamResponse:
    """Show the accounts."""
    wanted = Wanted.of("/accounts", context.request.query, ("name",), "name")
    part = context.operations.list_accounts(
        context.actor, name=wanted.filters["name"], sort=wanted.sort, page=wanted.page, size=wanted.size
    )
    directory = context.operations.directory
    trunks = Counter(it.account_id for it in directory.entries(Trunk) if it.deleted_at is None)
    numbers = Counter(it.account_id for it in directory.entries(Did))
    rows = [
        {"id": it.id, "name": it.name, "blocked": it.blocked, "trunks": trunks[it.id], "numbers": numbers[it.id]}
        for it in part.items
    ]
    return context.render(
        "accounts/list.html",
        section="accounts",
        listing=Listing(part, wanted),
        rows=rows,
        filters={**wanted.filters, "any": wanted.is_filtered},
    )


async def switch(context: PageContext) -> web.StreamResponse:
    """Work in another account from now on; in none with an empty one."""
    account_id = context.text("account_id")
    if account_id:
        context.choose_account(account_id)
        return context.redirect("/sms/trunks")
    if context.session is not None:
        context.session.account_id = None
    return context.redirect("/accounts")


async def new(context: PageContext) -> web.StreamResponse:
    """Show an empty form."""
    return _form(context, {"name": "", "blocked": False})


async def create(context: PageContext) -> web.StreamResponse:
    """Create an account and work in it."""
    name = context.text("name")
    try:
        account = await context.operations.create_account(context.actor, name)
    except RuleViolated as error:
        return _form(context, {"name": name, "blocked": False}, problems=by_field(error), status=422)
    context.choose_account(account.id)
    context.flash("good", f"{account.name} has been created, and you are working in it.")
    return go_to(context, "/accounts")


async def edit(context: PageContext) -> web.StreamResponse:
    """Show an account's form."""
    account, version = context.operations.account(context.actor, context.request.match_info["id"])
    return _form(context, {"name": account.name, "blocked": account.blocked}, account, version)


async def update(context: PageContext) -> web.StreamResponse:
    """Save an account."""
    account, version = context.operations.account(context.actor, context.request.match_info["id"])
    name, blocked, status = context.text("name"), context.checked("blocked"), 422
    try:
        await context.operations.update_account(
            context.actor, account.id, name=name, blocked=blocked, expected_version=expected_version(context)
        )
    except RuleViolated as error:
        problems, version = by_field(error), expected_version(context)
    except Conflict as error:
        problems, status = {"version": [str(error)]}, 409
    else:
        context.flash("good", f"{name.strip()} has been saved.")
        return go_to(context, "/accounts")
    return _form(context, {"name": name, "blocked": blocked}, account, version, problems, status)


async def ask(context: PageContext) -> web.StreamResponse:
    """Ask before an account is removed."""
    return _question(context)


async def delete(context: PageContext) -> web.StreamResponse:
    """Remove an account; what it still has forbids it."""
    account_id = context.request.match_info["id"]
    try:
        await context.operations.delete_account(context.actor, account_id)
    except RuleViolated as error:
        return _question(context, by_field(error), 422)
    if context.session is not None and context.session.account_id == account_id:
        context.session.account_id = None
    context.flash("good", "The account has been deleted.")
    return go_to(context, "/accounts")


def _form(
    context: PageContext,
    form: dict[str, Any],
    edited: Account | None = None,
    version: int = 0,
    problems: Problems | None = None,
    status: int = 200,
) -> web.Response:
    return context.render(
        "accounts/form.html",
        status=status,
        section="accounts",
        form=form,
        edited=edited and {"id": edited.id, "version": version},
        problems=problems or {},
    )


def _question(context: PageContext, problems: Problems | None = None, status: int = 200) -> web.Response:
    account, _ = context.operations.account(context.actor, context.request.match_info["id"])
    return context.render(
        "confirm.html",
        status=status,
        section="accounts",
        heading="Delete account",
        question="This account will be deleted permanently:",
        names=[account.name],
        consequence="",
        fields=[],
        action=f"/accounts/{account.id}/delete",
        back="/accounts",
        verb="Delete",
        problems=problems or {},
    )


PAGES = (
    Page("GET", "/accounts", show, Permission.OPERATE),
    Page("POST", "/accounts/switch", switch, Permission.OPERATE),
    Page("GET", "/accounts/new", new, Permission.OPERATE),
    Page("POST", "/accounts", create, Permission.OPERATE),
    Page("GET", "/accounts/{id}/edit", edit, Permission.OPERATE),
    Page("POST", "/accounts/{id}/edit", update, Permission.OPERATE),
    Page("GET", "/accounts/{id}/delete", ask, Permission.OPERATE),
    Page("POST", "/accounts/{id}/delete", delete, Permission.OPERATE),
)
