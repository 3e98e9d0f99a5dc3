"""The directory in memory: what every agent knows about accounts, DIDs, trunks, carriers and routes.

Built by applying the records of `sms.directory` in order; an index for each question that a step asks. What it answers
depends only on the entries that are in it, never on the order in which they came: an agent that has run for a month
and one that has just read the compacted topic agree. A record that cannot be read leaves the entry as it was: bad
configuration must not take good configuration out of service.
"""

from bisect import insort
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar, cast

from pydantic import ValidationError

from pipeline.directory.route_index import RouteIndex
from pipeline.errors import UnreadableRecord
from pipeline.opt_outs import OptOuts
from schemas.directory.account import Account, Did
from schemas.directory.campaign import Campaign
from schemas.directory.carrier import Carrier, Profile
from schemas.directory.entry import KINDS, DirectoryEntry, key_of
from schemas.directory.limits import WINDOWS
from schemas.directory.people import ApiKey, PanelUser
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk
from schemas.record import later_version

Entry = TypeVar("Entry", Account, Did, Sender, Campaign, Trunk, Carrier, Profile, Route, PanelUser, ApiKey)


class Directory:
    """Current entries. Reads never block and never fail; `apply` is the only change."""

    def __init__(self) -> None:
        self._entries: dict[type[DirectoryEntry], dict[str, DirectoryEntry]] = {model: {} for model in KINDS.values()}
        self._versions: dict[type[DirectoryEntry], dict[str, int]] = {model: {} for model in KINDS.values()}
        self._trunks_by_username: dict[str, list[Trunk]] = {}
        self._allowed_sources: dict[str, frozenset[str]] = {}
        self._senders: dict[tuple[str, str], dict[str, Sender]] = {}
        self._carriers_by_name: dict[str, dict[str, Carrier]] = {}
        self._routes = RouteIndex()
        self.opt_outs = OptOuts()
        """Filled from a topic of its own, by agents that decide about destinations."""
        self._limited_by_day: dict[str, Trunk | Account] = {}
        self._guarded: dict[type[DirectoryEntry], dict[str, Trunk | Account]] = {Trunk: {}, Account: {}}
        self._taking_short_codes: dict[str | None, set[str]] = {}
        """Routes by whose they are; None, everybody's."""
        self.version = -1
        """Offset of the last record that was applied or refused."""
        self.too_new: set[bytes] = set()
        """Keys of entries whose present state only a later version of the program can read."""

    def apply(self, key: bytes | None, value: bytes | None, offset: int = -1) -> None:
        """Apply one record: a new or changed entry, or (null value) its deletion.

        Entries of a kind that this version does not know are skipped. Raises `UnreadableRecord` when a known kind
        cannot be parsed or is not the entry that the key names; the earlier entry stays.
        """
        self.version = max(self.version, offset)
        kind, _, identity = (key or b"").decode(errors="replace").partition(":")
        model = KINDS.get(kind)
        if model is None:
            return
        self.too_new.discard(key or b"")
        if value is None:
            self._replace(model, identity, None)
            self._versions[model].pop(identity, None)
            return
        try:
            entry = model.from_bytes(value)
        except ValidationError as error:
            if (later := later_version(error)) is not None:
                self.too_new.add(key or b"")
                words = f"{kind}:{identity} has schema_version {later}, of a later version of smsout: start that one"
                raise UnreadableRecord("schema-violation", words, stage="directory") from None
            where = ", ".join(".".join(map(str, part["loc"])) for part in error.errors(include_input=False))
            raise UnreadableRecord(
                "schema-violation", f"{kind}:{identity} is not readable: {where}", stage="directory"
            ) from None  # the cause quotes the record, and the record holds secrets
        if key_of(entry) != key:
            raise UnreadableRecord(
                "key-mismatch", f"{kind}:{identity} holds {key_of(entry).decode()}", stage="directory"
            )
        self._replace(model, identity, entry)
        self._versions[model][identity] = offset

    def _replace(self, model: type[DirectoryEntry], identity: str, entry: DirectoryEntry | None) -> None:
        entries = self._entries[model]
        before = entries.get(identity)
        if entry is not None:
            entries[identity] = entry
        else:
            entries.pop(identity, None)
        if model is Trunk or model is Account:
            limited = cast("Trunk | Account | None", entry)
            if limited is not None and limited.is_limited_by_day:
                self._limited_by_day[identity] = limited
            else:
                self._limited_by_day.pop(identity, None)
            if limited is not None and limited.is_guarded:
                self._guarded[model][identity] = limited
            else:
                self._guarded[model].pop(identity, None)
        if isinstance(before, Trunk):
            self._forget_trunk(before)
        elif isinstance(before, Route):
            self._routes.forget(before)
            self._taking_short_codes.get(before.account_id, set()).discard(before.id)
        elif isinstance(before, Carrier):
            self._carriers_by_name[before.name].pop(before.id)
            if not self._carriers_by_name[before.name]:
                del self._carriers_by_name[before.name]
        elif isinstance(before, Sender):
            self._senders[before.account_id, before.address].pop(before.id)
            if not self._senders[before.account_id, before.address]:
                del self._senders[before.account_id, before.address]
        if isinstance(entry, Trunk):
            self._index_trunk(entry)
        elif isinstance(entry, Route):
            self._routes.add(entry)
            if entry.short_codes:
                self._taking_short_codes.setdefault(entry.account_id, set()).add(entry.id)
        elif isinstance(entry, Carrier):
            self._carriers_by_name.setdefault(entry.name, {})[entry.id] = entry
        elif isinstance(entry, Sender):
            self._senders.setdefault((entry.account_id, entry.address), {})[entry.id] = entry

    def _index_trunk(self, trunk: Trunk) -> None:
        if not trunk.allow_any_did:
            self._allowed_sources[trunk.id] = frozenset(trunk.allowed_sources)
        if trunk.deleted_at is None:
            for username in _usernames(trunk):
                insort(self._trunks_by_username.setdefault(username, []), trunk, key=_seniority)

    def _forget_trunk(self, trunk: Trunk) -> None:
        self._allowed_sources.pop(trunk.id, None)
        for username in _usernames(trunk):
            rest = [held for held in self._trunks_by_username.pop(username, ()) if held.id != trunk.id]
            if rest:
                self._trunks_by_username[username] = rest

    def entries(self, model: type[Entry]) -> Iterator[Entry]:
        """Iterate over all entries of one kind, as they are now: changes during the iteration do not show."""
        return iter(tuple(self._entries[model].values()))  # type: ignore[arg-type]

    def get(self, model: type[Entry], identity: str) -> Entry | None:
        """Return one entry of a kind by its id (a DID by its number)."""
        return self._entries[model].get(identity)  # type: ignore[return-value]

    def version_of(self, model: type[DirectoryEntry], identity: str) -> int | None:
        """Return the offset of the record that an entry was last written with: it changes with every write."""
        return self._versions[model].get(identity)

    def account(self, account_id: str) -> Account | None:
        """Return an account."""
        return self.get(Account, account_id)

    @property
    def limits_days(self) -> bool:
        """Whether any trunk or account has a limit of segments or spend a day."""
        return bool(self._limited_by_day)

    def limited_by_day(self) -> list[Trunk | Account]:
        """Return which have one: trunks in service, and accounts."""
        return [it for it in self._limited_by_day.values() if not isinstance(it, Trunk) or it.deleted_at is None]

    @property
    def is_guarded(self) -> bool:
        """Whether any trunk or account has a limit of messages to a number or a range, or of equal texts."""
        return any(self._guarded.values())

    def longest_window_minutes(self, *models: type[DirectoryEntry]) -> int:
        """Return how far back the longest of their windows goes: of all, or of those of these kinds."""
        guarded = [it for model in models or self._guarded for it in self._guarded[model].values()]
        return max((getattr(it, name) or 0 for it in guarded for name in WINDOWS), default=0)

    def takes_short_codes(self, account_id: str) -> bool:
        """Tell whether any route that messages of an account may take is for short codes, too."""
        taking = self._taking_short_codes
        return bool(taking.get(None) or taking.get(account_id))

    def did(self, number: str) -> Did | None:
        """Return a DID by its number."""
        return self.get(Did, number)

    def sender(self, account_id: str, address: str) -> Sender | None:
        """Return what an account has registered under an address, letter for letter; of several the first id."""
        held = self._senders.get((account_id, address))
        return held[min(held)] if held else None

    def campaign(self, campaign_id: str) -> Campaign | None:
        """Return a campaign."""
        return self.get(Campaign, campaign_id)

    def trunk(self, trunk_id: str) -> Trunk | None:
        """Return a trunk, also one with `deleted_at`: its messages in flight still need its callback URL."""
        return self.get(Trunk, trunk_id)

    def trunk_by_username(self, username: str) -> Trunk | None:
        """Return the trunk in service that one of its credentials, current or in grace, names.

        The writer lets no two trunks share a username. Should two do so all the same, the older one keeps it.
        """
        trunks = self._trunks_by_username.get(username)
        return trunks[0] if trunks else None

    def allows_source(self, trunk: Trunk, number: str) -> bool:
        """Tell whether the trunk's own rule lets `number` be a source; whose DID it is, is another question."""
        return trunk.allow_any_did or number in self._allowed_sources.get(trunk.id, ())

    def sources_of(self, trunk: Trunk) -> frozenset[str]:
        """Return the numbers that the trunk's own rule lists: none while it allows any DID."""
        return self._allowed_sources.get(trunk.id, frozenset())

    def carrier(self, carrier_id: str) -> Carrier | None:
        """Return a carrier."""
        return self.get(Carrier, carrier_id)

    def carrier_named(self, name: str) -> Carrier | None:
        """Return the carrier with this name, letter for letter; of several, which the writer prevents, the first id."""
        named = self._carriers_by_name.get(name)
        return named[min(named)] if named else None

    def routes_for(self, account_id: str, source: str, destination: str) -> Iterator[Sequence[Route]]:
        """Iterate over the routes that fit a message, best first, as `RouteIndex.find`."""
        return self._routes.find(account_id, source, destination)


def _usernames(trunk: Trunk) -> set[str]:
    return {credential.username for credential in trunk.credentials}  # in a grace period two may be the same


def _seniority(trunk: Trunk) -> tuple[datetime, str]:
    return trunk.created_at, trunk.id
