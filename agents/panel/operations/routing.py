"""Carriers and routes, for operators."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypedDict, TypeVar

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.desk import Desk, places_of
from agents.panel.operations.slices import Slice, cut, natural, ordered
from pipeline.directory.rules import Removal
from schemas.directory.carrier import Carrier, InDoubtPolicy, Route
from schemas.identifiers import uuid7

Kind = TypeVar("Kind", Carrier, Route)


class CarrierSettings(TypedDict, total=False):
    """What can be set of a carrier; `name` and `url` are needed for a new one."""

    name: str
    url: str
    blocked: bool
    in_doubt_policy: InDoubtPolicy
    max_in_flight: int
    timeout_seconds: float


class RouteSettings(TypedDict, total=False):
    """What can be set of a route; `carrier_id` is needed for a new one."""

    destination_prefix: str
    carrier_id: str
    priority: int
    price_per_segment: Decimal | None
    blocked: bool


_CARRIER_ORDER: Final = {
    "name": lambda it: natural(it.name),
    "url": lambda it: it.url,
    "blocked": lambda it: it.blocked,
}
_ROUTE_ORDER: Final = {
    "destination_prefix": lambda it: (it.destination_prefix, it.priority, it.id),
    "priority": lambda it: it.priority,
    "blocked": lambda it: it.blocked,
}
CARRIER_ORDERS: Final = tuple(_CARRIER_ORDER)
ROUTE_ORDERS: Final = tuple(_ROUTE_ORDER)


class Routing(Desk):
    """Carriers and routes: operators see and change them, nobody else knows of them."""

    def list_carriers(
        self, actor: Actor, *, name: str = "", sort: str = "name", page: int = 1, size: int = 50
    ) -> Slice[Carrier]:
        """Return the carriers whose name contains `name`."""
        actor.must(Permission.OPERATE)
        found = [it for it in self.directory.entries(Carrier) if name.casefold() in it.name.casefold()]
        return cut(ordered(found, sort, _CARRIER_ORDER, "name"), page, size)

    def list_routes(
        self,
        actor: Actor,
        *,
        prefix: str = "",
        carrier_id: str | None = None,
        sort: str = "destination_prefix",
        page: int = 1,
        size: int = 50,
    ) -> Slice[Route]:
        """Return the routes whose prefix begins with `prefix`."""
        actor.must(Permission.OPERATE)
        found = [
            it
            for it in self.directory.entries(Route)
            if it.destination_prefix.startswith(prefix) and carrier_id in (None, it.carrier_id)
        ]
        return cut(ordered(found, sort, _ROUTE_ORDER, "destination_prefix"), page, size)

    def carrier(self, actor: Actor, carrier_id: str) -> tuple[Carrier, int]:
        """Return a carrier and its version."""
        return self._operated(actor, Carrier, carrier_id)

    def route(self, actor: Actor, route_id: str) -> tuple[Route, int]:
        """Return a route and its version."""
        return self._operated(actor, Route, route_id)

    async def create_carrier(self, actor: Actor, settings: CarrierSettings) -> tuple[Carrier, int]:
        """Create a carrier."""
        return await self._create(actor, Carrier.model_construct(id=uuid7(), name="", url=""), settings)

    async def create_route(self, actor: Actor, settings: RouteSettings) -> tuple[Route, int]:
        """Create a route."""
        return await self._create(actor, Route.model_construct(id=uuid7(), carrier_id=""), settings)

    async def update_carrier(
        self, actor: Actor, carrier_id: str, settings: CarrierSettings, expected_version: int | None = None
    ) -> tuple[Carrier, int]:
        """Change a carrier."""
        return await self._update(actor, Carrier, carrier_id, settings, expected_version)

    async def update_route(
        self, actor: Actor, route_id: str, settings: RouteSettings, expected_version: int | None = None
    ) -> tuple[Route, int]:
        """Change a route."""
        return await self._update(actor, Route, route_id, settings, expected_version)

    async def delete_carrier(self, actor: Actor, carrier_id: str, expected_version: int | None = None) -> None:
        """Remove a carrier. Raises `RuleViolated` while routes lead to it."""
        await self._delete(actor, Carrier, carrier_id, expected_version)

    async def delete_route(self, actor: Actor, route_id: str, expected_version: int | None = None) -> None:
        """Remove a route."""
        await self._delete(actor, Route, route_id, expected_version)

    def _operated(self, actor: Actor, kind: type[Kind], identity: str) -> tuple[Kind, int]:
        actor.must(Permission.OPERATE)
        entry = self._seen(actor, self.directory.get(kind, identity), kind.__name__.lower())
        return entry, self.version(entry)

    async def _create(self, actor: Actor, blank: Kind, settings: Mapping[str, Any]) -> tuple[Kind, int]:
        actor.must(Permission.OPERATE)
        entry = blank.model_copy(update=dict(settings))
        async with self._changing:
            with places_of(entry):
                await self._save(actor, f"{type(entry).__name__.lower()}.created", entry)
        return self._operated(actor, type(entry), entry.id)

    async def _update(
        self, actor: Actor, kind: type[Kind], identity: str, settings: Mapping[str, Any], expected_version: int | None
    ) -> tuple[Kind, int]:
        async with self._changing:
            before, _ = self._operated(actor, kind, identity)
            self._expect(before, expected_version)
            entry = before.model_copy(update=dict(settings))
            with places_of(entry):
                await self._save(actor, f"{kind.__name__.lower()}.updated", entry)
        return self._operated(actor, kind, identity)

    async def _delete(self, actor: Actor, kind: type[Kind], identity: str, expected_version: int | None) -> None:
        async with self._changing:
            before, _ = self._operated(actor, kind, identity)
            self._expect(before, expected_version)
            await self._save(actor, f"{kind.__name__.lower()}.removed", Removal(kind, identity))
