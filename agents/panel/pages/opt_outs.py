"""Opt-outs: the numbers to which the account sends nothing."""

from typing import Final

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.page import Page, PageContext
from agents.panel.pages.parts.entry_pages import EntryPages, Fields
from agents.panel.pages.parts.forms import phone_digits
from agents.panel.pages.parts.listing import ListPage
from agents.panel.pages.parts.navigation import need_account
from agents.panel.pages.parts.uploads import ImportPage

LIST: Final = ListPage("/opt-outs", "opt-outs", "opt_outs/list.html", sort="number", filters=("number",))
LABELS: Final = {"number": "Number"}


class OptOutPages(EntryPages):
    """The list, a form to add a number, and the question before one goes."""

    listed = LIST
    group = "SMS"
    title = "Opt-outs"
    noun = "opt-out"
    form_template = "opt_outs/form.html"
    labels = LABELS
    see = Permission.SEE
    change = Permission.MANAGE_OPT_OUTS
    of_account = True
    question = "Messages are sent to this number again:"
    consequence = "Only do so when its owner wants them."

    async def show(self, context: PageContext) -> web.StreamResponse:
        """Show one page of the list."""
        account_id, query = need_account(context), LIST.query(context)
        part = context.operations.opt_outs.list(
            context.actor,
            number="".join(filter(str.isdecimal, query.filters["number"]))[:15],
            account_id=account_id,
            paging=query.paging,
        )
        return LIST.render(context, query, part, kind=self)

    def blank(self) -> Fields:
        """Return what an empty form holds."""
        return {"number": ""}

    def posted(self, context: PageContext) -> Fields:
        """Return what a posted form holds."""
        return {"number": context.text("number")}

    async def add(self, context: PageContext) -> web.Response:
        """Put a number on the list."""
        number = phone_digits(context.text("number"))
        await context.operations.opt_outs.add(context.actor, number, need_account(context))
        return self.done(context, f"{number} has been opted out.")

    def name_of(self, context: PageContext, identity: str) -> str:
        """Return the number."""
        return context.operations.opt_outs.get(context.actor, identity, need_account(context)).number

    async def remove(self, context: PageContext, identity: str) -> str:
        """Take a number off the list."""
        await context.operations.opt_outs.remove(context.actor, identity, need_account(context))
        return f"{identity} can be sent to again."


async def export(context: PageContext) -> web.StreamResponse:
    """Answer with the whole list as CSV, which can be imported again."""
    found = context.operations.opt_outs.all(context.actor, need_account(context))
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8", "Content-Disposition": 'attachment; filename="opt-outs.csv"'
        }
    )  # fmt: skip
    await response.prepare(context.request)
    await response.write(b"number,since\n")
    for some in found:
        await response.write("".join(f"{it.number},{it.since}\n" for it in some).encode())
    await response.write_eof()
    return response


async def _take(context: PageContext, account_id: str, text: str) -> str:
    report = await context.operations.opt_outs.import_csv(context.actor, account_id, text)
    return f"Imported: {report.added:,} opted out, {report.unchanged:,} had been before."


IMPORT: Final = ImportPage(
    "/opt-outs", "opt-outs", "Opt-outs", "opt-out", "Further columns are passed over.",
    "number\n12125551234\n447700900123", _take,
)  # fmt: skip

PAGES = (
    *OptOutPages().pages(),
    Page("GET", "/opt-outs/import", IMPORT.show, Permission.MANAGE_OPT_OUTS),
    Page("POST", "/opt-outs/import", IMPORT.receive, Permission.MANAGE_OPT_OUTS),
    Page("GET", "/opt-outs/export", export, Permission.SEE),
)
