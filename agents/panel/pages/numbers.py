"""Numbers: the account's DIDs, who uses them, and how operators bring them in."""

from typing import Final

from aiohttp import web

from agents.panel.operations import Permission
from agents.panel.page import Page, PageContext
from agents.panel.pages.listing import ListPage
from agents.panel.pages.navigation import need_account
from pipeline.errors import RuleViolated

LIST = ListPage("/numbers", "numbers", "numbers/list.html", sort="number", filters=("number", "p2p"))
EXAMPLE: Final = "number,p2p_enabled\n12125551234,yes\n12125551236,no"
Lines = list[tuple[str, str]]


async def show(context: PageContext) -> web.StreamResponse:
    """Show one page of the account's numbers."""
    account_id, query = need_account(context), LIST.query(context)
    part = context.operations.numbers.list(
        context.actor,
        number="".join(filter(str.isdigit, query.filters["number"])),
        p2p_enabled=query.flag("p2p"),
        account_id=account_id,
        paging=query.paging,
    )
    return LIST.render(context, query, part)


async def show_import(context: PageContext) -> web.StreamResponse:
    """Show the form."""
    need_account(context)
    return _form(context)


async def take_import(context: PageContext) -> web.StreamResponse:
    """Import a file: all of it, or nothing."""
    account_id, file = need_account(context), context.form.get("file")
    if not isinstance(file, web.FileField) or not file.filename:
        return _form(context, [("", "Choose a file.")], 422)
    try:
        text = file.file.read().decode()
    except UnicodeDecodeError as error:
        return _form(context, [("", f"The file is not UTF-8 text (byte {error.start + 1}).")], 422)
    try:
        report = await context.operations.numbers.import_csv(context.actor, account_id, text)
    except RuleViolated as error:
        return _form(context, [_line(where, what) for where, what in error.problems], 422)
    context.flash(
        "good",
        f"Imported: {report.added:,} added, {report.changed:,} changed, {report.unchanged:,} were there already.",
    )
    return context.redirect("/numbers")


def _line(where: str, what: str) -> tuple[str, str]:
    kind, _, number = where.partition(" ")
    return (number, what) if kind == "line" else ("", f"The file {what}." if where == "text" else what)


def _form(context: PageContext, problems: Lines | None = None, status: int = 200) -> web.Response:
    return context.render(
        "numbers/import.html", status=status, section="numbers", problems=problems or [], example=EXAMPLE
    )


PAGES = (
    Page("GET", "/numbers", show),
    Page("GET", "/numbers/import", show_import, Permission.OPERATE),
    Page("POST", "/numbers/import", take_import, Permission.OPERATE),
)
