"""The directory in memory: what every agent knows about accounts, DIDs, trunks, carriers and routes.

Built by applying the records of `sms.directory` in order; an index for each question that a step asks. A record that
cannot be read leaves the entry as it was: bad configuration must not take good configuration out of service.
"""

from collections.abc import Iterator
from typing import TypeVar

from pydantic import ValidationError

from pipeline.errors import UnreadableRecord
from schemas.directory import (
    KINDS,
    Account,
    Carrier,
    Did,
    DirectoryEntry,
    PanelUser,
    Route,
    Trunk,
)

Entry = TypeVar("Entry", Account, Did, Trunk, Carrier, Route, PanelUser)


class Directory:
    """Current entries. Reads never block and never fail; `apply` is the only change."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, DirectoryEntry]] = {kind: {} for kind in KINDS}
        self._trunk_by_username: dict[str, Trunk] = {}
        self._routes_by_prefix: dict[str, list[Route]] = {}
        self.version = -1
        """Offset of the last applied record."""

    def apply(self, key: bytes | None, value: bytes | None, offset: int = -1) -> None:
        """Apply one record: a new or changed entry, or (null value) its deletion.

        Entries of a kind that this version does not know are skipped. Raises `UnreadableRecord` when a known kind
        cannot be parsed; the earlier entry stays.
        """
        self.version = max(self.version, offset)
        kind, _, identity = (key or b"").decode(errors="replace").partition(":")
        model = KINDS.get(kind)
        if model is None:
            return
        if value is None:
            self._replace(kind, identity, None)
            return
        try:
            entry = model.from_bytes(value)
        except ValidationError as error:
            where = ", ".join(".".join(map(str, part["loc"])) for part in error.errors(include_input=False))
            raise UnreadableRecord(
                "schema-violation", f"{kind}:{identity} is not readable: {where}", stage="directory"
            ) from error
        self._replace(kind, identity, entry)

    def _replace(self, kind: str, identity: str, entry: DirectoryEntry | None) -> None:
        before = self._entries[kind].pop(identity, None)
        if entry is not None:
            self._entries[kind][identity] = entry
        if isinstance(before, Trunk):
            for credential in before.credentials:
                if (held := self._trunk_by_username.get(credential.username)) and held.id == before.id:
                    del self._trunk_by_username[credential.username]
        if isinstance(entry, Trunk) and entry.deleted_at is None:
            for credential in entry.credentials:
                self._trunk_by_username[credential.username] = entry
        if isinstance(before, Route):
            rest = [route for route in self._routes_by_prefix[before.destination_prefix] if route.id != before.id]
            if rest:
                self._routes_by_prefix[before.destination_prefix] = rest
            else:
                del self._routes_by_prefix[before.destination_prefix]
        if isinstance(entry, Route):
            routes = [*self._routes_by_prefix.get(entry.destination_prefix, ()), entry]
            routes.sort(key=lambda route: (route.priority, route.id))
            self._routes_by_prefix[entry.destination_prefix] = routes

    def entries(self, model: type[Entry]) -> Iterator[Entry]:
        """Iterate over all entries of one kind."""
        return iter(self._entries[model.__name__.lower()].values())  # type: ignore[arg-type]

    def _get(self, model: type[Entry], identity: str) -> Entry | None:
        return self._entries[model.__name__.lower()].get(identity)  # type: ignore[return-value]

    def account(self, account_id: str) -> Account | None:
        """Return an account."""
        return self._get(Account, account_id)

    def did(self, number: str) -> Did | None:
        """Return a DID by its number."""
        return self._get(Did, number)

    def trunk(self, trunk_id: str) -> Trunk | None:
        """Return a trunk, also one with `deleted_at`: its messages in flight still need its callback URL."""
        return self._get(Trunk, trunk_id)

    def trunk_by_username(self, username: str) -> Trunk | None:
        """Return the trunk in service that one of its credentials, current or in grace, names."""
        return self._trunk_by_username.get(username)

    def carrier(self, carrier_id: str) -> Carrier | None:
        """Return a carrier."""
        return self._get(Carrier, carrier_id)

    def routes_for(self, destination: str) -> Iterator[Route]:
        """Iterate over the routes whose prefix fits, best first: longest prefix, lowest priority, id."""
        for length in range(len(destination), -1, -1):
            yield from self._routes_by_prefix.get(destination[:length], ())
