"""Campaigns: which senders of an account go through which of its trunks as an application's."""

from collections.abc import Sequence
from typing import Final, TypedDict

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.entries.paging import FIRST_PAGE, Paging, Slice, natural
from pipeline.directory.values import name_key
from schemas.directory.campaign import Campaign
from schemas.identifiers import uuid7

_ORDERS: Final = {"name": lambda it: natural(it.name), "blocked": lambda it: it.blocked}
CAMPAIGN_ORDERS: Final = tuple(_ORDERS)
"""What campaigns can be sorted by; a minus before it reverses."""


class CampaignSettings(TypedDict, total=False):
    """What can be set of a campaign; what is left out stays, or takes its default."""

    name: str
    blocked: bool
    senders: Sequence[str]
    trunk_ids: Sequence[str]


class Campaigns:
    """Everybody sees the own account's; only operators change them, for a campaign lets what trunks would not."""

    def __init__(self, access: Access, changes: Changes) -> None:
        self._access = access
        self._changes = changes

    def list(
        self,
        actor: Actor,
        *,
        name: str = "",
        blocked: bool | None = None,
        account_id: str | None = None,
        paging: Paging = FIRST_PAGE,
    ) -> Slice[Campaign]:
        """Return the campaigns whose name contains `name`, upper and lower case alike."""
        actor.must(Permission.SEE)
        account_id, wanted = self._access.scope(actor, account_id), name_key(name)
        found = [
            it
            for it in self._access.directory.entries(Campaign)
            if (account_id is None or it.account_id == account_id)
            and (blocked is None or it.blocked is blocked)
            and wanted in name_key(it.name)
        ]
        return paging.cut_sorted(found, _ORDERS)

    def get(self, actor: Actor, campaign_id: str) -> tuple[Campaign, int]:
        """Return a campaign and its version. Raises `NotFound`."""
        actor.must(Permission.SEE)
        campaign = self._access.seen(actor, self._access.directory.campaign(campaign_id), "campaign")
        return campaign, self._changes.version(campaign)

    def through(self, actor: Actor, trunk_id: str) -> tuple[Campaign, ...]:
        """Return the campaigns that cover a trunk, by name, also those that are blocked. Raises `NotFound`."""
        actor.must(Permission.SEE)
        trunk = self._access.trunk(actor, trunk_id)
        found = [
            it
            for it in self._access.directory.entries(Campaign)
            if it.account_id == trunk.account_id and trunk_id in it.trunk_ids
        ]
        return tuple(sorted(found, key=lambda it: natural(it.name)))

    async def create(
        self, actor: Actor, settings: CampaignSettings, account_id: str | None = None
    ) -> tuple[Campaign, int]:
        """Create a campaign; return it and its version. Raises `RuleViolated`."""
        actor.must(Permission.OPERATE)
        owner = self._access.one_account(actor, account_id)
        blank = Campaign.model_construct(id=uuid7(), account_id=owner, name="", senders=(), trunk_ids=())
        await self._changes.create(actor, "campaign.created", _changed(blank, settings))
        return self.get(actor, blank.id)

    async def update(
        self, actor: Actor, campaign_id: str, settings: CampaignSettings, expected_version: int | None = None
    ) -> tuple[Campaign, int]:
        """Change a campaign; return it and its new version. Raises `Conflict` and `RuleViolated`."""
        actor.must(Permission.OPERATE)
        await self._changes.update(
            actor,
            "campaign.updated",
            lambda: self.get(actor, campaign_id)[0],
            lambda it: _changed(it, settings),
            expected_version,
        )
        return self.get(actor, campaign_id)

    async def delete(self, actor: Actor, campaign_id: str, expected_version: int | None = None) -> None:
        """Remove a campaign: what names it is refused from now on."""
        actor.must(Permission.OPERATE)
        await self._changes.remove(actor, "campaign.removed", lambda: self.get(actor, campaign_id)[0], expected_version)


def _changed(campaign: Campaign, settings: CampaignSettings) -> Campaign:
    update: dict[str, object] = dict(settings)
    if "name" in settings:
        update["name"] = settings["name"].strip()
    if "senders" in settings:
        update["senders"] = tuple(settings["senders"])
    if "trunk_ids" in settings:
        update["trunk_ids"] = tuple(settings["trunk_ids"])
    return campaign.model_copy(update=update)
