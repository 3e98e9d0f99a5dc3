"""Routes."""

from decimal import Decimal
from typing import Final, TypedDict

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.entries.paging import FIRST_PAGE, Paging, Slice
from agents.panel.operations.routing.operated import OperatedEntries
from schemas.directory.carrier import Route
from schemas.identifiers import uuid7


class RouteSettings(TypedDict, total=False):
    """What can be set of a route; `carrier_id` is needed for a new one."""

    destination_prefix: str
    carrier_id: str
    priority: int
    price_per_segment: Decimal | None
    blocked: bool


_ORDERS: Final = {
    "destination_prefix": lambda it: (it.destination_prefix, it.priority, it.id),
    "priority": lambda it: it.priority,
    "blocked": lambda it: it.blocked,
}
ROUTE_ORDERS: Final = tuple(_ORDERS)
"""What routes can be sorted by; a minus before it reverses."""


class Routes(OperatedEntries[Route, RouteSettings]):
    """Routes, each from a prefix of destinations to a carrier."""

    def __init__(self, access: Access, changes: Changes) -> None:
        super().__init__(access, changes, Route)

    def _blank(self) -> Route:
        return Route.model_construct(id=uuid7(), carrier_id="")

    def list(
        self, actor: Actor, *, prefix: str = "", carrier_id: str | None = None, paging: Paging = FIRST_PAGE
    ) -> Slice[Route]:
        """Return the routes whose prefix begins with `prefix`."""
        actor.must(Permission.OPERATE)
        found = [
            it
            for it in self._access.directory.entries(Route)
            if it.destination_prefix.startswith(prefix) and carrier_id in (None, it.carrier_id)
        ]
        return paging.cut_sorted(found, _ORDERS)
