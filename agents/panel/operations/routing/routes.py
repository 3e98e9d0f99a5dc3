"""Routes."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, TypedDict

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.entries.paging import FIRST_PAGE, Paging, Slice
from agents.panel.operations.routing.operated import OperatedEntries
from pipeline.errors import RuleViolated
from pipeline.steps.routing_explained import Explanation, explain, number_problem
from schemas.directory.route import Route
from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7


class RouteSettings(TypedDict, total=False):
    """What can be set of a route; `carrier_id` is needed for a new one."""

    destination_prefix: str
    source_prefix: str | None
    account_id: str | None
    carrier_id: str
    priority: int
    weight: int | None
    short_codes: bool | None
    price_per_segment: Decimal | None
    currency: str | None
    blocked: bool


_ORDERS: Final = {
    "destination_prefix": lambda it: (
        it.destination_prefix,
        it.source_prefix or "",
        it.account_id or "",
        it.priority,
        it.id,
    ),
    "priority": lambda it: it.priority,
    "blocked": lambda it: it.blocked,
}
ROUTE_ORDERS: Final = tuple(_ORDERS)
"""What routes can be sorted by; a minus before it reverses."""


class Routes(OperatedEntries[Route, RouteSettings]):
    """Routes, each of which leads messages to a carrier."""

    def __init__(self, access: Access, changes: Changes) -> None:
        super().__init__(access, changes, Route)

    def _blank(self) -> Route:
        return Route.model_construct(id=uuid7(), carrier_id="")

    def list(
        self,
        actor: Actor,
        *,
        prefix: str = "",
        carrier_id: str | None = None,
        account_id: str | None = None,
        paging: Paging = FIRST_PAGE,
    ) -> Slice[Route]:
        """Return the routes whose prefix begins with `prefix`."""
        actor.must(Permission.OPERATE)
        found = [
            it
            for it in self._access.directory.entries(Route)
            if it.destination_prefix.startswith(prefix)
            and carrier_id in (None, it.carrier_id)
            and account_id in (None, it.account_id)
        ]
        return paging.cut_sorted(found, _ORDERS)

    def explain(self, actor: Actor, trunk_id: str, source: str, destination: str) -> Explanation:
        """Explain which route a message of any account's trunk would take now. Raises `RuleViolated`."""
        actor.must(Permission.OPERATE)
        trunk = self._access.directory.get(Trunk, trunk_id)
        found = [("trunk", "choose a trunk")] if trunk is None or trunk.deleted_at is not None else []
        if not source:
            found.append(("from", "must not be empty"))
        if (problem := number_problem(destination)) is not None:
            found.append(("to", problem.removeprefix("destination ")))
        if found:
            raise RuleViolated(found)
        return explain(self._access.directory, trunk_id, source, destination, datetime.now(UTC))
