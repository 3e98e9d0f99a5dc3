"""/v3/sms_trunks and /v3/sms_trunk_regenerate_credentials."""

from typing import Any

from agents.panel.api.call import API_VERSION, Call, Reply, listing
from agents.panel.api.documents import ChangedTrunk, HttpOut, NewTrunk, Regenerate, ToDids, TrunkIdentifier
from agents.panel.api.resources import credentials_resource, trunk_resource
from agents.panel.operations.trunks import TrunkSettings

PLACES = {
    "callback_url": "attributes/configuration/callback_url",
    "callback_disabled_at": "attributes/configuration/callback_disabled_at",
    "allowed_ips": "attributes/configuration/allowed_ips",
    "receipts_enabled": "attributes/configuration/receipts_enabled",
    "allow_any_did": "attributes/allow_any_did_as_source",
    "allowed_sources": "relationships/outgoing_dids/data",
    "account_id": "relationships/account",
    "name": "attributes/name",
    "blocked": "attributes/blocked",
    "grace_seconds": "attributes/grace_period_seconds",
}
"""Where in the document a problem's place is."""


def _settings(attributes: dict[str, Any], sources: ToDids | None) -> TrunkSettings:
    settings: TrunkSettings = {}
    if "name" in attributes:
        settings["name"] = attributes["name"]
    if "blocked" in attributes:
        settings["blocked"] = attributes["blocked"]
    if "allow_any_did_as_source" in attributes:
        settings["allow_any_did"] = attributes["allow_any_did_as_source"]
    configuration: HttpOut | None = attributes.get("configuration")
    if configuration is not None:
        given = configuration.given()
        if "callback_url" in given:
            settings["callback_url"] = given["callback_url"]
        if "callback_disabled_at" in given:
            settings["callback_disabled_at"] = given["callback_disabled_at"]
        if "allowed_ips" in given:
            settings["allowed_ips"] = given["allowed_ips"]
        if "receipts_enabled" in given:
            settings["receipts_enabled"] = given["receipts_enabled"]
    if sources is not None:
        settings["allowed_sources"] = [did.id for did in sources.data]
    return settings


async def list_trunks(call: Call) -> Reply:
    """List."""
    part = call.operations.list_trunks(call.actor, **call.query)
    return listing(call, "/v3/sms_trunks", part, [trunk_resource(trunk, with_sources=False) for trunk in part.items])


async def retrieve_trunk(call: Call) -> Reply:
    """Retrieve."""
    trunk, version = call.operations.trunk(call.actor, call.identity)
    return Reply(200, trunk_resource(trunk), version=version)


async def create_trunk(call: Call) -> Reply:
    """Create; the answer is the only one with the password."""
    wanted: NewTrunk = call.body.data
    # Unlike the form, the API allows no sender that was not named.
    attributes = {"allow_any_did_as_source": False, **wanted.attributes.given()}
    account = wanted.relationships.account
    trunk, password = await call.operations.create_trunk(
        call.actor, _settings(attributes, wanted.relationships.outgoing_dids), account.data.id if account else None
    )
    return Reply(
        201,
        trunk_resource(trunk, password=password),
        version=call.operations.version(trunk),
        location=f"/v3/sms_trunks/{trunk.id}",
    )


async def update_trunk(call: Call) -> Reply:
    """Change what is given."""
    wanted: ChangedTrunk = call.body.data
    settings = _settings(wanted.attributes.given(), wanted.relationships.outgoing_dids)
    trunk, version = await call.operations.update_trunk(call.actor, call.identity, settings, call.expected)
    return Reply(200, trunk_resource(trunk), version=version)


async def delete_trunk(call: Call) -> Reply:
    """Delete."""
    await call.operations.delete_trunks(call.actor, [call.identity], call.expected)
    return Reply(204)


async def delete_trunks(call: Call) -> Reply:
    """Delete several: all, or none."""
    wanted: list[TrunkIdentifier] = call.body.data
    await call.operations.delete_trunks(call.actor, [trunk.id for trunk in wanted])
    return Reply(204)


async def regenerate(call: Call) -> Reply:
    """Give a trunk a new password."""
    wanted: Regenerate = call.body.data
    trunk_id = wanted.relationships.sms_trunk.data.id
    new = await call.operations.regenerate(
        call.actor,
        trunk_id,
        renew_username=wanted.attributes.renew_username,
        grace_seconds=wanted.attributes.grace_period_seconds,
    )
    data = credentials_resource(trunk_id, new.username, new.password, new.old_valid_until)
    return Reply(200, data, {"api_version": API_VERSION})
