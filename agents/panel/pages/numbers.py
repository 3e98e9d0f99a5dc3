"""Numbers: the account's DIDs, who uses them, and how operators bring them in."""

from typing import Final

from aiohttp import web

from agents.panel.operations import Permission
from agents.panel.page import Page, PageContext
from agents.panel.pages.listing import Listing, Wanted
from agents.panel.pages.replies import need_account
from pipeline.errors import RuleViolated

EXAMPLE: Final = "number,p2p_enabled\n12125551234,yes\n12125551236,no"
Lines = list[tuple[str, str]]


async def show(context: PageContext) -> web.StreamResponse:
    """Show one page of the account's numbers."""
    account_id = need_account(context)
    wanted = Wanted.of("/numbers", context.request.query, ("number", "p2p"), "number")
    part = context.operations.list_dids(
        context.actor,
        number="".join(filter(str.isdigit, wanted.filters["number"])),
        p2p_enabled=wanted.flag("p2p"),
        account_id=account_id,
        sort=wanted.sort,
        page=wanted.page,
        size=wanted.size,
    )
    if part.total and not part.items:
        return context.redirect(wanted.url(page=part.pages))
    return context.render(
        "numbers/list.html",
        section="numbers",
        listing=Listing(part, wanted),
        rows=part.items,
        filters={**wanted.filters, "any": wanted.is_filtered},
        nothing_yet=not part.total and not wanted.is_filtered,
    )


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
        report = await context.operations.import_dids_csv(context.actor, account_id, text)
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
