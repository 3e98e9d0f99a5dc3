"""Campaigns: what the account sends as an application, from which senders and through which trunks."""

import re
from typing import Any, Final

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.operations.campaigns import CampaignSettings
from agents.panel.operations.entries.paging import natural
from agents.panel.page import PageContext
from agents.panel.pages.parts.entry_pages import EditablePages, Edited, Fields
from agents.panel.pages.parts.forms import phone_digits
from agents.panel.pages.parts.listing import ListPage
from agents.panel.pages.parts.navigation import need_account
from schemas.directory.campaign import Campaign
from schemas.directory.trunk import Trunk

LIST: Final = ListPage("/campaigns", "campaigns", "campaigns/list.html", sort="name", filters=("name",))
LABELS: Final = {"name": "Name", "senders": "Senders", "trunk_ids": "Trunks"}
MAX_SHOWN: Final = 3
"""Senders and trunks that a row of the list names."""

_LISTED: Final = re.compile(r"[\r\n,;]+")


class CampaignPages(EditablePages):
    """The list, a form, and the question before a campaign goes."""

    listed = LIST
    group = "SMS"
    title = "Campaigns"
    noun = "campaign"
    form_template = "campaigns/form.html"
    labels = LABELS
    see = Permission.SEE
    change = Permission.OPERATE
    of_account = True
    consequence = "Messages that name it are refused from then on (code 10)."

    async def show(self, context: PageContext) -> web.StreamResponse:
        """Show one page of the list."""
        account_id, query = need_account(context), LIST.query(context)
        part = context.operations.campaigns.list(
            context.actor, name=query.filters["name"], account_id=account_id, paging=query.paging
        )
        directory = context.operations.directory

        def row(campaign: Campaign) -> dict[str, object]:
            trunks = [it.name for trunk_id in campaign.trunk_ids if (it := directory.trunk(trunk_id)) is not None]
            return {
                "id": campaign.id,
                "name": campaign.name,
                "blocked": campaign.blocked,
                "senders": campaign.senders[:MAX_SHOWN],
                "more_senders": max(0, len(campaign.senders) - MAX_SHOWN),
                "trunks": trunks[:MAX_SHOWN],
                "more_trunks": max(0, len(trunks) - MAX_SHOWN),
            }

        return LIST.render(context, query, part, row, kind=self)

    def blank(self) -> Fields:
        """Return what an empty form holds."""
        return {"name": "", "blocked": False, "senders": "", "trunk_ids": ()}

    def posted(self, context: PageContext) -> Fields:
        """Return what a posted form holds."""
        return {
            "name": context.text("name"),
            "blocked": context.checked("blocked"),
            "senders": context.text("senders"),
            "trunk_ids": tuple(context.texts("trunk")),
        }

    def offered(self, context: PageContext, edited: Edited | None) -> dict[str, Any]:
        """Return the trunks to choose from: those of the campaign's account."""
        owner = self._owner(context, edited)
        trunks = [it for it in context.operations.directory.entries(Trunk) if it.account_id == owner]
        in_service = sorted((it for it in trunks if it.deleted_at is None), key=lambda it: natural(it.name))
        return {"trunks": [(it.id, it.name) for it in in_service]}

    def _owner(self, context: PageContext, edited: Edited | None) -> str:
        if edited is None:
            return need_account(context)
        return context.operations.campaigns.get(context.actor, edited.id)[0].account_id

    async def add(self, context: PageContext) -> web.Response:
        """Create a campaign."""
        campaign, _ = await context.operations.campaigns.create(
            context.actor, _settings(context), need_account(context)
        )
        return self.done(context, f"{campaign.name} has been added. Messages name it as {campaign.id}.")

    def saved(self, context: PageContext, identity: str) -> tuple[Fields, int]:
        """Return what a campaign is now, and its version."""
        campaign, version = context.operations.campaigns.get(context.actor, identity)
        return {
            "name": campaign.name,
            "blocked": campaign.blocked,
            "senders": "\n".join(campaign.senders),
            "trunk_ids": campaign.trunk_ids,
        }, version

    async def save(self, context: PageContext, identity: str, version: int) -> str:
        """Save a campaign."""
        campaign, _ = await context.operations.campaigns.update(context.actor, identity, _settings(context), version)
        return f"{campaign.name} has been saved."

    def name_of(self, context: PageContext, identity: str) -> str:
        """Return its name."""
        return context.operations.campaigns.get(context.actor, identity)[0].name

    async def remove(self, context: PageContext, identity: str) -> str:
        """Remove a campaign."""
        await context.operations.campaigns.delete(context.actor, identity)
        return "The campaign has been deleted."


def _settings(context: PageContext) -> CampaignSettings:
    senders = [phone_digits(it) for it in _LISTED.split(context.text("senders")) if it.strip()]
    return CampaignSettings(
        name=context.text("name"),
        blocked=context.checked("blocked"),
        senders=list(dict.fromkeys(senders)),
        trunk_ids=context.texts("trunk"),
    )


PAGES = CampaignPages().pages()
