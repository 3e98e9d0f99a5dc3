"""/v3/carriers and /v3/routes."""

from typing import Any, Final, cast

from agents.panel.api.call import Call, Reply, listing
from agents.panel.api.documents import ChangedCarrier, ChangedRoute, NewCarrier, NewRoute
from agents.panel.api.resources import carrier_resource, route_resource
from agents.panel.operations.routing import CarrierSettings, RouteSettings

CARRIER_PLACES: Final = {
    name: f"attributes/{name}"
    for name in ("name", "url", "blocked", "in_doubt_policy", "max_in_flight", "timeout_seconds")
}
ROUTE_PLACES: Final = {
    **{name: f"attributes/{name}" for name in ("destination_prefix", "priority", "price_per_segment", "blocked")},
    "carrier_id": "relationships/carrier",
}


async def list_carriers(call: Call) -> Reply:
    """List."""
    part = call.operations.list_carriers(call.actor, **call.query)
    return listing(call, "/v3/carriers", part, [carrier_resource(carrier) for carrier in part.items])


async def retrieve_carrier(call: Call) -> Reply:
    """Retrieve."""
    carrier, version = call.operations.carrier(call.actor, call.identity)
    return Reply(200, carrier_resource(carrier), version=version)


async def create_carrier(call: Call) -> Reply:
    """Create."""
    wanted: NewCarrier = call.body.data
    settings = cast("CarrierSettings", wanted.attributes.given())
    carrier, version = await call.operations.create_carrier(call.actor, settings)
    return Reply(201, carrier_resource(carrier), version=version, location=f"/v3/carriers/{carrier.id}")


async def update_carrier(call: Call) -> Reply:
    """Change what is given."""
    wanted: ChangedCarrier = call.body.data
    settings = cast("CarrierSettings", wanted.attributes.given())
    carrier, version = await call.operations.update_carrier(call.actor, call.identity, settings, call.expected)
    return Reply(200, carrier_resource(carrier), version=version)


async def delete_carrier(call: Call) -> Reply:
    """Remove."""
    await call.operations.delete_carrier(call.actor, call.identity, call.expected)
    return Reply(204)


async def list_routes(call: Call) -> Reply:
    """List."""
    part = call.operations.list_routes(call.actor, **call.query)
    return listing(call, "/v3/routes", part, [route_resource(route) for route in part.items])


async def retrieve_route(call: Call) -> Reply:
    """Retrieve."""
    route, version = call.operations.route(call.actor, call.identity)
    return Reply(200, route_resource(route), version=version)


async def create_route(call: Call) -> Reply:
    """Create."""
    wanted: NewRoute = call.body.data
    settings = _route(wanted.attributes.settings(), wanted.relationships.carrier.data.id)
    route, version = await call.operations.create_route(call.actor, settings)
    return Reply(201, route_resource(route), version=version, location=f"/v3/routes/{route.id}")


async def update_route(call: Call) -> Reply:
    """Change what is given."""
    wanted: ChangedRoute = call.body.data
    carrier = wanted.relationships.carrier
    settings = _route(wanted.attributes.settings(), carrier.data.id if carrier else None)
    route, version = await call.operations.update_route(call.actor, call.identity, settings, call.expected)
    return Reply(200, route_resource(route), version=version)


async def delete_route(call: Call) -> Reply:
    """Remove."""
    await call.operations.delete_route(call.actor, call.identity, call.expected)
    return Reply(204)


def _route(attributes: dict[str, Any], carrier_id: str | None) -> RouteSettings:
    found = attributes if carrier_id is None else {**attributes, "carrier_id": carrier_id}
    return cast("RouteSettings", found)
