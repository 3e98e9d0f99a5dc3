"""Entries as JSON:API resources: what answers look like, as models too, so that the OpenAPI document has them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from schemas.directory.account import Did
from schemas.directory.carrier import Carrier, InDoubtPolicy, Route
from schemas.directory.trunk import Trunk


class Shown(BaseModel):
    """Part of an answer."""

    model_config = ConfigDict(extra="forbid")


class ShownHttpOut(Shown):
    """`password` is there only in the answer that creates the trunk.

    `callback_disabled_at` is when the endpoint answered 410 Gone: since then nothing is posted to it.
    """

    type: Literal["http_out"] = "http_out"
    callback_url: str | None
    callback_disabled_at: AwareDatetime | None
    allowed_ips: list[str]
    receipts_enabled: bool
    username: str
    password: str | None = None


class ShownTrunkAttributes(Shown):
    """A trunk. `priority` is always null and `allow_in` false: HTTP OUT trunks only send."""

    name: str
    priority: None = None
    blocked: bool
    allow_any_did_as_source: bool
    allow_in: bool = False
    allow_out: bool = True
    created_at: AwareDatetime
    configuration: ShownHttpOut


class ShownDidAttributes(Shown):
    """A DID."""

    number: str
    p2p_enabled: bool


class ShownCarrierAttributes(Shown):
    """A carrier."""

    name: str
    url: str
    blocked: bool
    in_doubt_policy: InDoubtPolicy
    max_in_flight: int
    timeout_seconds: float


class ShownRouteAttributes(Shown):
    """A route."""

    destination_prefix: str
    priority: int
    price_per_segment: str | None
    blocked: bool


class ShownCredentialsAttributes(Shown):
    """New credentials, shown once."""

    username: str
    password: str
    old_valid_until: AwareDatetime | None = None


Resource = dict[str, Any]


def _to(kind: str, identity: str) -> dict[str, Any]:
    return {"data": {"type": kind, "id": identity}}


def _resource(kind: str, identity: str, attributes: Shown, relationships: dict[str, Any] | None = None) -> Resource:
    resource: Resource = {"type": kind, "id": identity, "attributes": attributes.model_dump(mode="json")}
    if relationships:
        resource["relationships"] = relationships
    resource["links"] = {"self": f"/v3/{kind}/{identity}"}
    return resource


def trunk_resource(trunk: Trunk, *, with_sources: bool = True, password: str | None = None) -> Resource:
    """Return a trunk. In lists the allowed sources are only counted: a trunk can have 100,000."""
    attributes = ShownTrunkAttributes(
        name=trunk.name,
        blocked=trunk.blocked,
        allow_any_did_as_source=trunk.allow_any_did,
        created_at=trunk.created_at,
        configuration=ShownHttpOut(
            callback_url=trunk.callback_url,
            callback_disabled_at=trunk.callback_disabled_at,
            allowed_ips=list(trunk.allowed_ips),
            receipts_enabled=trunk.receipts_enabled,
            username=trunk.credentials[0].username,
            password=password,
        ),
    )
    sources: dict[str, Any] = {"meta": {"count": len(trunk.allowed_sources)}}
    if with_sources:
        sources["data"] = [{"type": "dids", "id": number} for number in trunk.allowed_sources]
    resource = _resource(
        "sms_trunks", trunk.id, attributes, {"outgoing_dids": sources, "account": _to("accounts", trunk.account_id)}
    )
    if password is None:
        del resource["attributes"]["configuration"]["password"]
    return resource


def did_resource(did: Did) -> Resource:
    """Return a DID; its id is its number."""
    attributes = ShownDidAttributes(number=did.number, p2p_enabled=did.p2p_enabled)
    return _resource("dids", did.number, attributes, {"account": _to("accounts", did.account_id)})


def carrier_resource(carrier: Carrier) -> Resource:
    """Return a carrier."""
    attributes = ShownCarrierAttributes(
        name=carrier.name,
        url=carrier.url,
        blocked=carrier.blocked,
        in_doubt_policy=carrier.in_doubt_policy,
        max_in_flight=carrier.max_in_flight,
        timeout_seconds=carrier.timeout_seconds,
    )
    return _resource("carriers", carrier.id, attributes)


def route_resource(route: Route) -> Resource:
    """Return a route."""
    price = route.price_per_segment
    attributes = ShownRouteAttributes(
        destination_prefix=route.destination_prefix,
        priority=route.priority,
        price_per_segment=None if price is None else format(price, "f"),
        blocked=route.blocked,
    )
    return _resource("routes", route.id, attributes, {"carrier": _to("carriers", route.carrier_id)})


def credentials_resource(trunk_id: str, username: str, password: str, until: datetime | None) -> Resource:
    """Return new credentials."""
    attributes = ShownCredentialsAttributes(username=username, password=password, old_valid_until=until)
    resource = _resource("sms_trunk_regenerate_credentials", trunk_id, attributes)
    resource["links"] = {"related": f"/v3/sms_trunks/{trunk_id}"}
    return resource
