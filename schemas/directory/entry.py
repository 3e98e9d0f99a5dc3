"""An entry of the directory, of any kind, and the key of its record."""

from typing import Final

from schemas.directory.account import Account, Did
from schemas.directory.campaign import Campaign
from schemas.directory.carrier import Carrier, Profile
from schemas.directory.people import ApiKey, PanelUser
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk

DirectoryEntry = Account | Did | Sender | Campaign | Trunk | Carrier | Profile | Route | PanelUser | ApiKey

KINDS: Final[dict[str, type[DirectoryEntry]]] = {
    "account": Account,
    "did": Did,
    "sender": Sender,
    "campaign": Campaign,
    "trunk": Trunk,
    "carrier": Carrier,
    "profile": Profile,
    "route": Route,
    "paneluser": PanelUser,
    "apikey": ApiKey,
}
"""The kinds of entries, by the first part of their key."""


def key_of(entry: DirectoryEntry) -> bytes:
    """Return the record key, `<kind>:<id>`; a DID's id is its number."""
    # Not isinstance: pydantic's costs 3 microseconds when the answer is no, and this is asked for every record.
    identity = entry.number if type(entry) is Did else entry.id  # type: ignore[union-attr]
    return f"{type(entry).__name__.lower()}:{identity}".encode()
