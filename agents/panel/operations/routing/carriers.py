"""Carriers."""

from typing import Final, TypedDict

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.entries.paging import FIRST_PAGE, Paging, Slice, natural
from agents.panel.operations.routing.operated import OperatedEntries
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.identifiers import uuid7


class CarrierSettings(TypedDict, total=False):
    """What can be set of a carrier; `name` and `url` are needed for a new one."""

    name: str
    url: str
    blocked: bool
    in_doubt_policy: InDoubtPolicy
    max_in_flight: int
    timeout_seconds: float
    segments_per_second: int | None
    burst: int | None


_ORDERS: Final = {
    "name": lambda it: natural(it.name),
    "url": lambda it: it.url,
    "blocked": lambda it: it.blocked,
}
CARRIER_ORDERS: Final = tuple(_ORDERS)
"""What carriers can be sorted by; a minus before it reverses."""


class Carriers(OperatedEntries[Carrier, CarrierSettings]):
    """Carriers, to which routes lead."""

    def __init__(self, access: Access, changes: Changes) -> None:
        super().__init__(access, changes, Carrier)

    def _blank(self) -> Carrier:
        return Carrier.model_construct(id=uuid7(), name="", url="")

    def list(self, actor: Actor, *, name: str = "", paging: Paging = FIRST_PAGE) -> Slice[Carrier]:
        """Return the carriers whose name contains `name`."""
        actor.must(Permission.OPERATE)
        found = [it for it in self._access.directory.entries(Carrier) if name.casefold() in it.name.casefold()]
        return paging.cut_sorted(found, _ORDERS)
