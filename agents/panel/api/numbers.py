"""/v3/dids."""

from typing import Final

from agents.panel.api.call import Call, Reply, listing
from agents.panel.api.documents import ChangedDid, NewDid
from agents.panel.api.resources import did_resource

PLACES: Final = {
    "number": "attributes/number",
    "p2p_enabled": "attributes/p2p_enabled",
    "account_id": "relationships/account",
}


async def list_dids(call: Call) -> Reply:
    """List."""
    part = call.operations.list_dids(call.actor, **call.query)
    return listing(call, "/v3/dids", part, [did_resource(row.did) for row in part.items])


async def retrieve_did(call: Call) -> Reply:
    """Retrieve."""
    did, version = call.operations.did(call.actor, call.identity)
    return Reply(200, did_resource(did), version=version)


async def create_did(call: Call) -> Reply:
    """Give an account a number."""
    wanted: NewDid = call.body.data
    did = await call.operations.create_did(
        call.actor,
        wanted.relationships.account.data.id,
        wanted.attributes.number,
        p2p_enabled=wanted.attributes.p2p_enabled,
    )
    return Reply(201, did_resource(did), version=call.operations.version(did), location=f"/v3/dids/{did.number}")


async def update_did(call: Call) -> Reply:
    """Let it be a sender, or not."""
    wanted: ChangedDid = call.body.data
    did, version = await call.operations.set_p2p(
        call.actor, call.identity, enabled=wanted.attributes.p2p_enabled, expected_version=call.expected
    )
    return Reply(200, did_resource(did), version=version)


async def delete_did(call: Call) -> Reply:
    """Take it away."""
    await call.operations.remove_did(call.actor, call.identity, call.expected)
    return Reply(204)
