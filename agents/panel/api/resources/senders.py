"""/v3/senders."""

from typing import Annotated, Final, Literal

from pydantic import Field

from agents.panel.api.call import Call, Query, Reply
from agents.panel.api.jsonapi import AccountRelationships, RequestModel, Resource, Shown, relationship, resource
from agents.panel.api.route import EntryResources, created
from agents.panel.operations.actor import Permission
from agents.panel.operations.operations import Operations
from agents.panel.operations.senders import SENDER_ORDERS, Senders
from schemas.directory.sender import Sender, SenderAddress
from schemas.directory.trunk import Country
from schemas.identifiers import Uuid

Countries = Annotated[
    list[Country],
    Field(
        max_length=300,
        description="Where it may send to: ISO 3166-1 alpha-2, 001 for networks of no country; empty: all.",
    ),
]


class SenderAttributes(RequestModel):
    """A new sender."""

    address: Annotated[SenderAddress, Field(description="A name, or a short code of 3 to 6 digits.")]
    countries: Countries = []  # noqa: RUF012  # pydantic gives each model its own


class NewSender(RequestModel):
    """Body of POST /v3/senders."""

    type: Literal["senders"]
    attributes: SenderAttributes
    relationships: AccountRelationships


class SenderChanges(RequestModel):
    """What changes of a sender."""

    countries: Countries


class ChangedSender(RequestModel):
    """Body of PATCH /v3/senders/{id}."""

    type: Literal["senders"]
    id: Uuid
    attributes: SenderChanges


class ShownSenderAttributes(Shown):
    """A sender."""

    address: str
    countries: list[str]


POINTERS: Final = {
    "address": "attributes/address",
    "countries": "attributes/countries",
    "account_id": "relationships/account",
}


class SenderResources(EntryResources[Sender]):
    """Names and short codes that accounts send from."""

    kind = "senders"
    name = noun = "sender"
    see = Permission.SEE
    change = Permission.OPERATE
    new = NewSender
    changed = ChangedSender
    shown = ShownSenderAttributes
    query = Query({"address": "text", "account_id": "text"}, SENDER_ORDERS)
    pointers = POINTERS

    def area(self, operations: Operations) -> Senders:
        """Return the operations on senders."""
        return operations.senders

    def resource(self, entry: Sender) -> Resource:
        """Return a sender."""
        attributes = ShownSenderAttributes(address=entry.address, countries=list(entry.countries or ()))
        return resource(self.kind, entry.id, attributes, {"account": relationship("accounts", entry.account_id)})

    async def create(self, call: Call) -> Reply:
        """Register one for an account."""
        wanted: NewSender = call.body.data
        sender, version = await call.operations.senders.create(
            call.actor, wanted.attributes.address, wanted.attributes.countries, wanted.relationships.account.data.id
        )
        return created(self.resource(sender), version)

    async def update(self, call: Call) -> Reply:
        """Say which countries it is good for."""
        wanted: ChangedSender = call.body.data
        return self.current(
            *await call.operations.senders.update(call.actor, call.identity, wanted.attributes.countries, call.expected)
        )


ROUTES: Final = SenderResources().routes()
