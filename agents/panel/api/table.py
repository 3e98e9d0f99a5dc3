"""Every route of the management API: what it takes, what it gives, who may call it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel, TypeAdapter

from agents.panel.api import documents as d
from agents.panel.api import numbers, resources, routing, trunks
from agents.panel.api.call import NO_QUERY, Call, Query, Reply
from agents.panel.operations import Permission
from agents.panel.operations.numbers import DID_ORDERS
from agents.panel.operations.routing import CARRIER_ORDERS, ROUTE_ORDERS
from agents.panel.operations.trunks import TRUNK_ORDERS

ApiHandler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """One route. `takes` is the model of the request's document, `gives` of the attributes in the answer.

    `kind` is the resource type; `places` tells where in the request's document an operation's problems are.
    """

    method: str
    path: str
    handler: ApiHandler
    permission: Permission
    summary: str
    kind: str
    takes: TypeAdapter[BaseModel] | None = None
    gives: type[BaseModel] | None = None
    status: int = 200
    is_list: bool = False
    query: Query = NO_QUERY
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_identity(self) -> bool:
        """Whether the path ends with an id."""
        return self.path.endswith("}")

    @property
    def takes_if_match(self) -> bool:
        """Whether If-Match counts."""
        return self.has_identity and self.method in ("PATCH", "DELETE")


def _document(data: object) -> TypeAdapter[BaseModel]:
    return TypeAdapter(d.Document[data])  # type: ignore[valid-type]


def _resource(
    type_: str,
    what: str,
    permissions: tuple[Permission, Permission],
    handlers: tuple[ApiHandler, ApiHandler, ApiHandler, ApiHandler, ApiHandler],
    models: tuple[object, object, type[BaseModel]],
    query: Query,
    places: Mapping[str, str],
) -> list[ApiRoute]:
    """Return the five routes that every resource has: list, create, retrieve, change, delete."""
    path, see, change = f"/v3/{type_}", *permissions
    new, changed, shown = models
    one = path + "/{id}"
    listed, create, retrieve, update, delete = handlers
    return [
        ApiRoute("GET", path, listed, see, f"List {what}s", type_, gives=shown, is_list=True, query=query),
        ApiRoute("POST", path, create, change, f"Create a {what}", type_, _document(new), shown, 201, places=places),
        ApiRoute("GET", one, retrieve, see, f"Retrieve a {what}", type_, gives=shown),
        ApiRoute("PATCH", one, update, change, f"Change a {what}", type_, _document(changed), shown, places=places),
        ApiRoute("DELETE", one, delete, change, f"Delete a {what}", type_, status=204),
    ]


ROUTES: Final[tuple[ApiRoute, ...]] = (
    *_resource(
        "sms_trunks", "trunk", (Permission.SEE, Permission.MANAGE_TRUNKS),
        (trunks.list_trunks, trunks.create_trunk, trunks.retrieve_trunk, trunks.update_trunk, trunks.delete_trunk),
        (d.NewTrunk, d.ChangedTrunk, resources.ShownTrunkAttributes),
        Query({"name": "text", "blocked": "flag", "account_id": "text"}, TRUNK_ORDERS), trunks.PLACES,
    ),
    ApiRoute(
        "DELETE", "/v3/sms_trunks", trunks.delete_trunks, Permission.MANAGE_TRUNKS, "Delete several trunks, or none",
        "sms_trunks", _document(d.DeletedTrunks), status=204,
    ),
    ApiRoute(
        "POST", "/v3/sms_trunk_regenerate_credentials", trunks.regenerate, Permission.REVEAL_SECRETS,
        "Give a trunk a new password", "sms_trunk_regenerate_credentials", _document(d.Regenerate),
        resources.ShownCredentialsAttributes, places=trunks.PLACES,
    ),
    *_resource(
        "dids", "number", (Permission.SEE, Permission.OPERATE),
        (numbers.list_dids, numbers.create_did, numbers.retrieve_did, numbers.update_did, numbers.delete_did),
        (d.NewDid, d.ChangedDid, resources.ShownDidAttributes),
        Query({"number": "text", "p2p_enabled": "flag", "account_id": "text"}, DID_ORDERS), numbers.PLACES,
    ),
    *_resource(
        "carriers", "carrier", (Permission.OPERATE, Permission.OPERATE),
        (
            routing.list_carriers, routing.create_carrier, routing.retrieve_carrier, routing.update_carrier,
            routing.delete_carrier,
        ),
        (d.NewCarrier, d.ChangedCarrier, resources.ShownCarrierAttributes),
        Query({"name": "text"}, CARRIER_ORDERS), routing.CARRIER_PLACES,
    ),
    *_resource(
        "routes", "route", (Permission.OPERATE, Permission.OPERATE),
        (
            routing.list_routes, routing.create_route, routing.retrieve_route, routing.update_route,
            routing.delete_route,
        ),
        (d.NewRoute, d.ChangedRoute, resources.ShownRouteAttributes),
        Query({"prefix": "text", "carrier_id": "text"}, ROUTE_ORDERS), routing.ROUTE_PLACES,
    ),
)  # fmt: skip
