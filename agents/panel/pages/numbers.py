"""Numbers: the account's DIDs, who uses them, and how operators bring them in."""

from typing import Final

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.page import Page, PageContext
from agents.panel.pages.parts.entry_pages import EditablePages, Fields
from agents.panel.pages.parts.forms import phone_digits
from agents.panel.pages.parts.listing import ListPage
from agents.panel.pages.parts.navigation import need_account
from agents.panel.pages.parts.uploads import ImportPage
from pipeline.errors import RuleViolated
from schemas.address import MSISDN

LIST = ListPage("/numbers", "numbers", "numbers/list.html", sort="number", filters=("number", "p2p"))
LABELS: Final = {"number": "Number", "p2p_enabled": "Outbound P2P SMS"}


class NumberPages(EditablePages):
    """The pages of numbers: everybody sees the account's, operators bring them in."""

    listed = LIST
    group = "SMS"
    title = "Numbers"
    noun = "number"
    form_template = "numbers/form.html"
    labels = LABELS
    see = Permission.SEE
    change = Permission.OPERATE
    of_account = True
    consequence = "Messages from this number are refused from now on."

    async def show(self, context: PageContext) -> web.StreamResponse:
        """Show one page of the account's numbers."""
        account_id, query = need_account(context), LIST.query(context)
        part = context.operations.numbers.list(
            context.actor,
            number="".join(filter(str.isdigit, query.filters["number"])),
            p2p_enabled=query.flag("p2p"),
            account_id=account_id,
            paging=query.paging,
        )
        return LIST.render(context, query, part, kind=self)

    def blank(self) -> Fields:
        """Return what an empty form holds."""
        return {"number": "", "p2p_enabled": True}

    def posted(self, context: PageContext) -> Fields:
        """Return what a posted form holds."""
        return {"number": context.text("number"), "p2p_enabled": context.checked("p2p_enabled")}

    async def add(self, context: PageContext) -> web.Response:
        """Give the account a number."""
        number, enabled = phone_digits(context.text("number")), context.checked("p2p_enabled")
        if MSISDN.fullmatch(number) is None:
            raise RuleViolated([("number", "must be a phone number with its country code, like +1 212 555 1234")])
        await context.operations.numbers.create(context.actor, need_account(context), number, p2p_enabled=enabled)
        return self.done(context, f"{number} has been added.")

    def saved(self, context: PageContext, identity: str) -> tuple[Fields, int]:
        """Return a number with its flag, and its version."""
        did, version = context.operations.numbers.get(context.actor, identity)
        return {"number": did.number, "p2p_enabled": did.p2p_enabled}, version

    async def save(self, context: PageContext, identity: str, version: int) -> str:
        """Let a number be the sender of SMS, or not."""
        enabled = context.checked("p2p_enabled")
        await context.operations.numbers.set_p2p(context.actor, identity, enabled=enabled, expected_version=version)
        return f"{identity} has been saved."

    def name_of(self, context: PageContext, identity: str) -> str:
        """Return the number."""
        return context.operations.numbers.get(context.actor, identity)[0].number

    async def remove(self, context: PageContext, identity: str) -> str:
        """Take a number away; trunks that list it forbid it."""
        await context.operations.numbers.delete(context.actor, identity)
        return f"{identity} has been deleted."


async def _take(context: PageContext, account_id: str, text: str) -> str:
    report = await context.operations.numbers.import_csv(context.actor, account_id, text)
    return f"Imported: {report.added:,} added, {report.changed:,} changed, {report.unchanged:,} were there already."


IMPORT: Final = ImportPage(
    "/numbers", "numbers", "Numbers", "number", "A number that is there already is updated.",
    "number,p2p_enabled\n12125551234,yes\n12125551236,no", _take,
)  # fmt: skip

PAGES = (
    *NumberPages().pages(),
    Page("GET", "/numbers/import", IMPORT.show, Permission.OPERATE),
    Page("POST", "/numbers/import", IMPORT.receive, Permission.OPERATE),
)
