"""/v3/campaigns."""

from typing import Annotated, Any, Final, Literal, cast

from pydantic import Field

from agents.panel.api.call import Call, Query, Reply
from agents.panel.api.jsonapi import Name, RequestModel, Resource, Shown, ToAccount, relationship, resource
from agents.panel.api.resources.trunks.documents import TrunkIdentifier
from agents.panel.api.route import EntryResources, created
from agents.panel.operations.actor import Permission
from agents.panel.operations.campaigns import CAMPAIGN_ORDERS, Campaigns, CampaignSettings
from agents.panel.operations.operations import Operations
from schemas.address import Msisdn
from schemas.directory.campaign import MAX_LISTED, Campaign
from schemas.directory.sender import SenderAddress
from schemas.identifiers import Uuid

ListedSenders = Annotated[
    list[Msisdn | SenderAddress],
    Field(min_length=1, max_length=MAX_LISTED, description="DIDs and registered senders of the account."),
]


class CampaignAttributes(RequestModel):
    """A new campaign."""

    name: Annotated[Name, Field(description="Unique in the account.")]
    blocked: bool = False
    senders: ListedSenders


class CampaignChanges(RequestModel):
    """What changes; what is left out stays."""

    name: Name = ""
    blocked: bool = False
    senders: ListedSenders = []  # noqa: RUF012  # pydantic gives each model its own


class ToTrunks(RequestModel):
    """A relationship to trunks."""

    data: Annotated[list[TrunkIdentifier], Field(min_length=1, max_length=MAX_LISTED)]


class CampaignRelationships(RequestModel):
    """The trunks that it goes through; `account` only where there are several."""

    sms_trunks: ToTrunks
    account: ToAccount | None = None


class CampaignChangedRelationships(RequestModel):
    """Of a campaign that is changed."""

    sms_trunks: ToTrunks | None = None


class NewCampaign(RequestModel):
    """Body of POST /v3/campaigns."""

    type: Literal["campaigns"]
    attributes: CampaignAttributes
    relationships: CampaignRelationships


class ChangedCampaign(RequestModel):
    """Body of PATCH /v3/campaigns/{id}."""

    type: Literal["campaigns"]
    id: Uuid
    attributes: CampaignChanges = CampaignChanges()
    relationships: CampaignChangedRelationships = CampaignChangedRelationships()


class ShownCampaignAttributes(Shown):
    """A campaign; its id is what messages name as their `campaign_id`."""

    name: str
    blocked: bool
    senders: list[str]


POINTERS: Final = {
    "name": "attributes/name",
    "senders": "attributes/senders",
    "trunk_ids": "relationships/sms_trunks/data",
    "account_id": "relationships/account",
}


class CampaignResources(EntryResources[Campaign]):
    """Campaigns; everybody sees the own account's."""

    kind = "campaigns"
    name = noun = "campaign"
    see = Permission.SEE
    change = Permission.OPERATE
    new = NewCampaign
    changed = ChangedCampaign
    shown = ShownCampaignAttributes
    query = Query({"name": "text", "blocked": "flag", "account_id": "text"}, CAMPAIGN_ORDERS)
    pointers = POINTERS

    def area(self, operations: Operations) -> Campaigns:
        """Return the operations on campaigns."""
        return operations.campaigns

    def resource(self, entry: Campaign) -> Resource:
        """Return a campaign."""
        attributes = ShownCampaignAttributes(name=entry.name, blocked=entry.blocked, senders=list(entry.senders))
        trunks: dict[str, Any] = {"data": [{"type": "sms_trunks", "id": it} for it in entry.trunk_ids]}
        return resource(
            self.kind, entry.id, attributes,
            {"sms_trunks": trunks, "account": relationship("accounts", entry.account_id)},
        )  # fmt: skip

    async def create(self, call: Call) -> Reply:
        """Create."""
        wanted: NewCampaign = call.body.data
        account = wanted.relationships.account
        campaign, version = await call.operations.campaigns.create(
            call.actor,
            _settings(wanted.attributes.given(), wanted.relationships.sms_trunks),
            None if account is None else account.data.id,
        )
        return created(self.resource(campaign), version)

    async def update(self, call: Call) -> Reply:
        """Change what is given."""
        wanted: ChangedCampaign = call.body.data
        settings = _settings(wanted.attributes.given(), wanted.relationships.sms_trunks)
        return self.current(*await call.operations.campaigns.update(call.actor, call.identity, settings, call.expected))


def _settings(attributes: dict[str, Any], trunks: ToTrunks | None) -> CampaignSettings:
    settings = cast("CampaignSettings", dict(attributes))
    if trunks is not None:
        settings["trunk_ids"] = [it.id for it in trunks.data]
    return settings


ROUTES: Final = CampaignResources().routes()
