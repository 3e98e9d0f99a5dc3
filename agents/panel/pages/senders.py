"""Senders: the names and short codes that the account sends from, which operators register."""

from typing import Any, Final

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.page import PageContext
from agents.panel.pages.parts.countries import country_boxes, listed_countries
from agents.panel.pages.parts.entry_pages import EditablePages, Edited, Fields
from agents.panel.pages.parts.listing import ListPage
from agents.panel.pages.parts.navigation import need_account
from schemas.directory.sender import Sender

LIST: Final = ListPage("/senders", "senders", "senders/list.html", sort="address", filters=("address",))
LABELS: Final = {"address": "Sender", "countries": "Countries"}


class SenderPages(EditablePages):
    """The list, a form for a sender with its countries, and the question before one goes."""

    listed = LIST
    group = "SMS"
    title = "Senders"
    noun = "sender"
    form_template = "senders/form.html"
    labels = LABELS
    see = Permission.SEE
    change = Permission.OPERATE
    of_account = True
    consequence = "Messages from it are refused from then on (code 8)."

    async def show(self, context: PageContext) -> web.StreamResponse:
        """Show one page of the list."""
        account_id, query = need_account(context), LIST.query(context)
        part = context.operations.senders.list(
            context.actor, address=query.filters["address"], account_id=account_id, paging=query.paging
        )

        def row(sender: Sender) -> dict[str, object]:
            return {"id": sender.id, "address": sender.address, "countries": listed_countries(sender.countries or ())}

        return LIST.render(context, query, part, row, kind=self)

    def blank(self) -> Fields:
        """Return what an empty form holds."""
        return {"address": "", "countries": ()}

    def posted(self, context: PageContext) -> Fields:
        """Return what a posted form holds."""
        return {"address": context.text("address"), "countries": tuple(context.texts("country"))}

    def offered(self, context: PageContext, edited: Edited | None) -> dict[str, Any]:
        """Return the countries to choose from."""
        return {"countries": country_boxes((), ())}

    async def add(self, context: PageContext) -> web.Response:
        """Register a sender."""
        sender, _ = await context.operations.senders.create(
            context.actor, context.text("address"), context.texts("country"), need_account(context)
        )
        return self.done(context, f"{sender.address} has been added.")

    def saved(self, context: PageContext, identity: str) -> tuple[Fields, int]:
        """Return a sender with its countries, and its version."""
        sender, version = context.operations.senders.get(context.actor, identity)
        return {"address": sender.address, "countries": sender.countries or ()}, version

    async def save(self, context: PageContext, identity: str, version: int) -> str:
        """Say which countries it is good for."""
        sender, _ = await context.operations.senders.update(context.actor, identity, context.texts("country"), version)
        return f"{sender.address} has been saved."

    def name_of(self, context: PageContext, identity: str) -> str:
        """Return its address."""
        return context.operations.senders.get(context.actor, identity)[0].address

    async def remove(self, context: PageContext, identity: str) -> str:
        """Take a sender away."""
        await context.operations.senders.delete(context.actor, identity)
        return "The sender has been deleted."


PAGES = SenderPages().pages()
