"""/v3/dids."""

from typing import Final, Literal

from agents.panel.api.call import Call, Query, Reply
from agents.panel.api.jsonapi import AccountRelationships, RequestModel, Resource, Shown, relationship, resource
from agents.panel.api.route import EntryResources, created
from agents.panel.operations.actor import Permission
from agents.panel.operations.numbers.numbers import DID_ORDERS, DidRow, Numbers
from agents.panel.operations.operations import Operations
from schemas.address import Msisdn
from schemas.directory.account import Did


class DidAttributes(RequestModel):
    """A new DID."""

    number: Msisdn
    p2p_enabled: bool = False


class NewDid(RequestModel):
    """Body of POST /v3/dids."""

    type: Literal["dids"]
    attributes: DidAttributes
    relationships: AccountRelationships


class DidChanges(RequestModel):
    """What changes of a DID."""

    p2p_enabled: bool


class ChangedDid(RequestModel):
    """Body of PATCH /v3/dids/{id}."""

    type: Literal["dids"]
    id: Msisdn
    attributes: DidChanges


class ShownDidAttributes(Shown):
    """A DID."""

    number: str
    p2p_enabled: bool


POINTERS: Final = {
    "number": "attributes/number",
    "p2p_enabled": "attributes/p2p_enabled",
    "account_id": "relationships/account",
}


class DidResources(EntryResources[Did]):
    """DIDs; the id of one is its number."""

    kind = "dids"
    name = "did"
    noun = "number"
    see = Permission.SEE
    change = Permission.OPERATE
    new = NewDid
    changed = ChangedDid
    shown = ShownDidAttributes
    query = Query({"number": "text", "p2p_enabled": "flag", "account_id": "text"}, DID_ORDERS)
    pointers = POINTERS

    def area(self, operations: Operations) -> Numbers:
        """Return the operations on DIDs."""
        return operations.numbers

    def resource(self, entry: Did) -> Resource:
        """Return a DID."""
        attributes = ShownDidAttributes(number=entry.number, p2p_enabled=entry.p2p_enabled)
        return resource(self.kind, entry.number, attributes, {"account": relationship("accounts", entry.account_id)})

    def resource_in_list(self, item: DidRow) -> Resource:
        """Return a DID, without the trunks that use it."""
        return self.resource(item.did)

    async def create(self, call: Call) -> Reply:
        """Give an account a number."""
        wanted: NewDid = call.body.data
        did, version = await call.operations.numbers.create(
            call.actor,
            wanted.relationships.account.data.id,
            wanted.attributes.number,
            p2p_enabled=wanted.attributes.p2p_enabled,
        )
        return created(self.resource(did), version)

    async def update(self, call: Call) -> Reply:
        """Let it be a sender, or not."""
        wanted: ChangedDid = call.body.data
        return self.current(
            *await call.operations.numbers.set_p2p(
                call.actor, call.identity, enabled=wanted.attributes.p2p_enabled, expected_version=call.expected
            )
        )


ROUTES: Final = DidResources().routes()
