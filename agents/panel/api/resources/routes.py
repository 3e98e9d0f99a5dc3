"""/v3/routes."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal, cast

from pydantic import Field

from agents.panel.api.call import Call, Query, Reply
from agents.panel.api.jsonapi import AccountIdentifier, RequestModel, Resource, Shown, relationship, resource
from agents.panel.api.route import EntryResources, created
from agents.panel.operations.actor import Permission
from agents.panel.operations.operations import Operations
from agents.panel.operations.routing.routes import ROUTE_ORDERS, Routes, RouteSettings
from schemas.directory.route import MAX_WEIGHT, Route
from schemas.identifiers import Uuid


class CarrierIdentifier(RequestModel):
    """One carrier."""

    type: Literal["carriers"]
    id: Uuid


class ToCarrier(RequestModel):
    """A relationship to a carrier."""

    data: CarrierIdentifier


Price = Annotated[
    str | None,
    Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?$", description="A decimal number as text, so that no digit is lost."),
]


class RouteAttributes(RequestModel):
    """A new route, and what changes of one."""

    destination_prefix: Annotated[str, Field(pattern=r"^[0-9]{0,15}$")] = ""
    source_prefix: Annotated[str | None, Field(pattern=r"^[0-9]{1,15}$")] = None
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    weight: Annotated[int | None, Field(ge=1, le=MAX_WEIGHT)] = None
    short_codes: Annotated[bool, Field(description="Whether it takes short codes (3 to 6 digits) as well.")] = False
    price_per_segment: Price = None
    currency: Annotated[str | None, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217, for example EUR.")] = None
    blocked: bool = False

    def settings(self) -> dict[str, Any]:
        """Return what the request gives, the price as a number."""
        found = self.given()
        if found.get("price_per_segment") is not None:
            found["price_per_segment"] = Decimal(found["price_per_segment"])
        if "short_codes" in found:
            found["short_codes"] = found["short_codes"] or None
        return found


class OfAccount(RequestModel):
    """A relationship to an account; null: none."""

    data: AccountIdentifier | None


class RouteRelationships(RequestModel):
    """Where a route leads, and whose it is: everybody's without an account."""

    carrier: ToCarrier
    account: OfAccount | None = None


class RouteChangedRelationships(RequestModel):
    """Where a route leads from now on, and whose it is."""

    carrier: ToCarrier | None = None
    account: OfAccount | None = None


class NewRoute(RequestModel):
    """Body of POST /v3/routes."""

    type: Literal["routes"]
    attributes: RouteAttributes = RouteAttributes()
    relationships: RouteRelationships


class ChangedRoute(RequestModel):
    """Body of PATCH /v3/routes/{id}."""

    type: Literal["routes"]
    id: Uuid
    attributes: RouteAttributes = RouteAttributes()
    relationships: RouteChangedRelationships = RouteChangedRelationships()


class ShownRouteAttributes(Shown):
    """A route."""

    destination_prefix: str
    source_prefix: str | None
    priority: int
    weight: int | None
    short_codes: bool
    price_per_segment: str | None
    currency: str | None
    blocked: bool


POINTERS: Final = {
    **{name: f"attributes/{name}" for name in RouteAttributes.model_fields},
    "carrier_id": "relationships/carrier",
    "account_id": "relationships/account",
}


class RouteResources(EntryResources[Route]):
    """Routes."""

    kind = "routes"
    name = noun = "route"
    see = change = Permission.OPERATE
    new = NewRoute
    changed = ChangedRoute
    shown = ShownRouteAttributes
    query = Query({"prefix": "text", "carrier_id": "text", "account_id": "text"}, ROUTE_ORDERS)
    pointers = POINTERS

    def area(self, operations: Operations) -> Routes:
        """Return the operations on routes."""
        return operations.routes

    def resource(self, entry: Route) -> Resource:
        """Return a route."""
        price = entry.price_per_segment
        attributes = ShownRouteAttributes(
            destination_prefix=entry.destination_prefix,
            source_prefix=entry.source_prefix,
            priority=entry.priority,
            weight=entry.weight,
            short_codes=bool(entry.short_codes),
            price_per_segment=None if price is None else format(price, "f"),
            currency=entry.currency,
            blocked=entry.blocked,
        )
        relationships = {"carrier": relationship("carriers", entry.carrier_id)}
        if entry.account_id is not None:
            relationships["account"] = relationship("accounts", entry.account_id)
        return resource(self.kind, entry.id, attributes, relationships)

    async def create(self, call: Call) -> Reply:
        """Create."""
        wanted: NewRoute = call.body.data
        settings = _settings(wanted.attributes, wanted.relationships)
        route, version = await call.operations.routes.create(call.actor, settings)
        return created(self.resource(route), version)

    async def update(self, call: Call) -> Reply:
        """Change what is given."""
        wanted: ChangedRoute = call.body.data
        settings = _settings(wanted.attributes, wanted.relationships)
        return self.current(*await call.operations.routes.update(call.actor, call.identity, settings, call.expected))


def _settings(attributes: RouteAttributes, related: RouteRelationships | RouteChangedRelationships) -> RouteSettings:
    found = attributes.settings()
    if related.carrier is not None:
        found["carrier_id"] = related.carrier.data.id
    if related.account is not None:
        found["account_id"] = None if related.account.data is None else related.account.data.id
    return cast("RouteSettings", found)


ROUTES: Final = RouteResources().routes()
