"""What is changed in the directory: entries that are written, and entries that go."""

from dataclasses import dataclass
from typing import Final, TypeVar

from schemas.directory.account import Account, Did
from schemas.directory.campaign import Campaign
from schemas.directory.carrier import Carrier, Profile
from schemas.directory.entry import DirectoryEntry, key_of
from schemas.directory.people import ApiKey, PanelUser
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk

NOUNS: Final[dict[type[DirectoryEntry], str]] = {
    Account: "account",
    Did: "number",
    Sender: "sender",
    Campaign: "campaign",
    Trunk: "trunk",
    Carrier: "carrier",
    Route: "route",
    PanelUser: "user",
    ApiKey: "API key",
}
"""What people call an entry of each kind."""

Entry = TypeVar("Entry", Account, Did, Sender, Campaign, Trunk, Carrier, Profile, Route, PanelUser, ApiKey)
Problem = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Removal:
    """Takes an entry out of the directory. A trunk must be deleted (`deleted_at`) before."""

    kind: type[DirectoryEntry]
    identity: str

    @property
    def key(self) -> bytes:
        """The key of the record to delete."""
        return f"{self.kind.__name__.lower()}:{self.identity}".encode()


Change = DirectoryEntry | Removal


def change_key(change: Change) -> bytes:
    """Return the key of the record that a change writes."""
    return change.key if isinstance(change, Removal) else key_of(change)


def route_key(route: Route) -> tuple[str, str | None, str | None, str]:
    """Return what tells a route from all others: what it is for, and where it leads."""
    return route.destination_prefix, route.source_prefix, route.account_id, route.carrier_id
