"""/v3/sms_trunks."""

from typing import Final

from agents.panel.api.call import Call, Query, Reply
from agents.panel.api.jsonapi import Resource
from agents.panel.api.resources.trunks.documents import (
    ChangedTrunk,
    DeletedTrunks,
    NewTrunk,
    ShownTrunkAttributes,
    TrunkIdentifier,
    settings_of,
    trunk_resource,
)
from agents.panel.api.route import ApiRoute, EntryResources, created, document_of
from agents.panel.operations.actor import Permission
from agents.panel.operations.operations import Operations
from agents.panel.operations.trunks.trunks import TRUNK_ORDERS, Trunks
from schemas.directory.limits import LIMITS
from schemas.directory.trunk import Trunk

POINTERS: Final = {
    "callback_url": "attributes/configuration/callback_url",
    "callback_disabled_at": "attributes/configuration/callback_disabled_at",
    "callbacks": "attributes/configuration/callbacks",
    "allowed_ips": "attributes/configuration/allowed_ips",
    "receipts_enabled": "attributes/configuration/receipts_enabled",
    "allow_any_did": "attributes/allow_any_did_as_source",
    "allowed_sources": "relationships/outgoing_dids/data",
    "account_id": "relationships/account",
    "name": "attributes/name",
    "blocked": "attributes/blocked",
} | {name: f"attributes/{name}" for name in LIMITS}


class TrunkResources(EntryResources[Trunk]):
    """Trunks; with their password only in the response that creates one."""

    kind = "sms_trunks"
    name = noun = "trunk"
    see = Permission.SEE
    change = Permission.MANAGE_TRUNKS
    new = NewTrunk
    changed = ChangedTrunk
    shown = ShownTrunkAttributes
    query = Query({"name": "text", "blocked": "flag", "account_id": "text"}, TRUNK_ORDERS)
    pointers = POINTERS

    def area(self, operations: Operations) -> Trunks:
        """Return the operations on trunks."""
        return operations.trunks

    def resource(self, entry: Trunk) -> Resource:
        """Return a trunk with its sources."""
        return trunk_resource(entry)

    def resource_in_list(self, item: Trunk) -> Resource:
        """Return a trunk with the number of its sources."""
        return trunk_resource(item, with_sources=False)

    async def create(self, call: Call) -> Reply:
        """Create; the response is the only one with the password."""
        wanted: NewTrunk = call.body.data
        # Unlike the form, the API allows no sender that was not named.
        attributes = {"allow_any_did_as_source": False, **wanted.attributes.given()}
        account = wanted.relationships.account
        settings = settings_of(attributes, wanted.relationships.outgoing_dids)
        trunk, password = await call.operations.trunks.create(
            call.actor, settings, account.data.id if account else None
        )
        _, version = call.operations.trunks.get(call.actor, trunk.id)
        return created(trunk_resource(trunk, password=password), version)

    async def update(self, call: Call) -> Reply:
        """Change what is given."""
        wanted: ChangedTrunk = call.body.data
        settings = settings_of(wanted.attributes.given(), wanted.relationships.outgoing_dids)
        return self.current(*await call.operations.trunks.update(call.actor, call.identity, settings, call.expected))

    async def delete(self, call: Call) -> Reply:
        """Delete."""
        await call.operations.trunks.delete(call.actor, [call.identity], call.expected)
        return Reply(204)


async def delete_several(call: Call) -> Reply:
    """Delete several: all, or none."""
    wanted: list[TrunkIdentifier] = call.body.data
    await call.operations.trunks.delete(call.actor, [trunk.id for trunk in wanted])
    return Reply(204)


ROUTES: Final[tuple[ApiRoute, ...]] = (
    *TrunkResources().routes(),
    ApiRoute(
        "DELETE", "/v3/sms_trunks", delete_several, "delete_trunks", Permission.MANAGE_TRUNKS,
        "Delete several trunks, or none", "sms_trunks", document_of(DeletedTrunks), status=204,
    ),
)  # fmt: skip
