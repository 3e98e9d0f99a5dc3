"""Every rule of the directory, in one place for the panel, the API and the files.

A set of changes is checked as a whole against what the directory would be after it, so an account and its trunk, or
a DID and the trunk that stops using it, can go together. A problem's place is `<kind>:<id>/<attribute>[/<index>]`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from pydantic import ValidationError

from pipeline.carriers.profiles.book import ProfileBook
from pipeline.carriers.profiles.shipped import shipped_names
from pipeline.directory.carrier_rules import carrier_problems, profile_problems
from pipeline.directory.model import Directory
from pipeline.directory.values import name_key, name_problem, secret_problems, written_problem
from pipeline.e164 import number_problem
from pipeline.errors import RuleViolated
from pipeline.urls import url_problem
from schemas.address import pattern_problem
from schemas.directory.account import Account, Did, NumberCheck
from schemas.directory.carrier import Carrier, Profile
from schemas.directory.entry import DirectoryEntry, key_of
from schemas.directory.people import ApiKey, PanelRole, PanelUser
from schemas.directory.route import Route
from schemas.directory.trunk import Trunk
from schemas.topics import MAX_RECORD_BYTES

NOUNS: Final[dict[type[DirectoryEntry], str]] = {
    Account: "account",
    Did: "number",
    Trunk: "trunk",
    Carrier: "carrier",
    Route: "route",
    PanelUser: "user",
    ApiKey: "API key",
}
"""What people call an entry of each kind."""

MAX_ENTRY_BYTES: Final = MAX_RECORD_BYTES - 4096  # room for the key and the batch around it

Entry = TypeVar("Entry", Account, Did, Trunk, Carrier, Profile, Route, PanelUser, ApiKey)
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


def check(changes: Sequence[Change], directory: Directory) -> None:
    """Raise `RuleViolated` with every problem of `changes`, taken as one set; return when there is none."""
    problems = list(_Check(changes, directory).problems())
    if problems:
        raise RuleViolated(problems)


class _Check:
    def __init__(self, changes: Sequence[Change], directory: Directory) -> None:
        self._directory = directory
        self._profiles = ProfileBook(partial(self._after, Profile))
        self._changes: dict[str, Change] = {}
        self._repeated: list[str] = []
        for change in changes:
            key = change_key(change).decode()
            if key in self._changes:
                self._repeated.append(key)
            self._changes[key] = change

    def problems(self) -> Iterator[Problem]:
        for key in self._repeated:
            yield key, "is changed twice at once"
        for key, change in self._changes.items():
            if isinstance(change, Removal):
                continue
            unreadable = list(_unreadable(key, change))
            yield from unreadable
            if unreadable:
                yield from _readable_texts(key, change, {where for where, _ in unreadable})
                continue
            # Not isinstance: pydantic's costs 3 microseconds when the answer is no.
            if type(change) is Account:
                yield from _named(f"{key}/name", change.name)
            elif type(change) is Did:
                yield from self._did(key, change)
            elif type(change) is Trunk:
                yield from self._trunk(key, change)
            elif type(change) is Carrier:
                yield from _named(f"{key}/name", change.name)
                yield from carrier_problems(key, change, self._profiles)
            elif type(change) is Profile:
                yield from self._profile(key, change)
            elif type(change) is Route:
                yield from self._route(key, change)
            elif type(change) is PanelUser:
                yield from self._holder(key, change)
            elif type(change) is ApiKey:
                yield from _named(f"{key}/name", change.name)
                yield from self._holder(key, change)
        yield from self._unique()
        yield from self._removals()
        yield from self._sources_taken_away()

    # What the directory would be

    def _after(self, model: type[Entry], identity: str) -> Entry | None:
        change = self._changes.get(f"{model.__name__.lower()}:{identity}")
        if change is not None:
            return change if type(change) is model else None
        return self._directory.get(model, identity)

    def _all_after(self, model: type[Entry]) -> Iterator[Entry]:
        kind, attribute = model.__name__.lower(), "number" if model is Did else "id"
        changes = self._changes
        for entry in self._directory.entries(model):
            if f"{kind}:{getattr(entry, attribute)}" not in changes:
                yield entry
        yield from self._changed(model)

    def _changed(self, model: type[Entry]) -> Iterator[Entry]:
        return (change for change in self._changes.values() if type(change) is model)

    def _trunks_in_service(self) -> Iterator[Trunk]:
        return (trunk for trunk in self._all_after(Trunk) if trunk.deleted_at is None)

    # One entry and those it refers to

    def _did(self, key: str, did: Did) -> Iterator[Problem]:
        before, owner = self._directory.did(did.number), self._after(Account, did.account_id)
        if before is None or before.account_id != did.account_id:  # what is there may stay
            yield from _numbered(f"{key}/number", did.number, owner)
        yield from self._account_exists(key, did.account_id)

    def _profile(self, key: str, profile: Profile) -> Iterator[Problem]:
        problems = list(profile_problems(key, profile, self._profiles))
        yield from problems
        if problems:
            return
        for carrier in self._all_after(Carrier):
            if carrier.profile == profile.id and f"carrier:{carrier.id}" not in self._changes:
                for where, what in carrier_problems("", carrier, self._profiles):
                    yield f"{key}/text", f"the carrier {carrier.name!r} could not go on: {where[1:]}: {what}"

    def _route(self, key: str, route: Route) -> Iterator[Problem]:
        if self._after(Carrier, route.carrier_id) is None:
            yield f"{key}/carrier_id", f"there is no carrier {route.carrier_id}"
        if route.account_id is not None:
            yield from self._account_exists(key, route.account_id)
        if route.currency is not None and route.price_per_segment is None:
            yield f"{key}/currency", "there is no price that it could be of"

    def _account_exists(self, key: str, account_id: str) -> Iterator[Problem]:
        if self._after(Account, account_id) is None:
            yield f"{key}/account_id", f"there is no account {account_id}"

    def _trunk(self, key: str, trunk: Trunk) -> Iterator[Problem]:
        before = self._directory.trunk(trunk.id)
        if before is not None and before.account_id != trunk.account_id:
            yield f"{key}/account_id", "a trunk cannot move to another account"
        yield from secret_problems(key, before, trunk)
        if trunk.deleted_at is not None:
            return  # whatever else is wrong with it, it may always be deleted
        yield from self._account_exists(key, trunk.account_id)
        yield from _named(f"{key}/name", trunk.name)
        if trunk.callback_url is not None:
            yield from _url(f"{key}/callback_url", trunk.callback_url)
        elif trunk.callback_disabled_at is not None:
            yield f"{key}/callback_disabled_at", "there is no callback URL that could be disabled"
        for index, entry in enumerate(trunk.allowed_ips):
            if (problem := written_problem(entry)) is not None:
                yield f"{key}/allowed_ips/{index}", problem
        seen: set[str] = set()
        for index, number in enumerate(trunk.allowed_sources):
            did = self._after(Did, number)
            if number in seen:
                yield f"{key}/allowed_sources/{index}", f"{number} is listed twice"
            elif did is None or did.account_id != trunk.account_id:
                yield f"{key}/allowed_sources/{index}", f"{number} is not a DID of the account"
            elif not did.p2p_enabled:
                yield f"{key}/allowed_sources/{index}", f"{number} is not enabled for Outbound P2P SMS"
            seen.add(number)

    def _holder(self, key: str, holder: PanelUser | ApiKey) -> Iterator[Problem]:
        if holder.account_id is not None:
            yield from self._account_exists(key, holder.account_id)
        if (holder.account_id is None) != (holder.role is PanelRole.OPERATOR):
            yield f"{key}/account_id", "operators have no account, everybody else has one"

    # Over all entries of a kind

    def _unique(self) -> Iterator[Problem]:
        trunks = list(self._changed(Trunk))
        if trunks:
            yield from self._unique_trunks(trunks)
        yield from self._unique_of(Carrier, "name", lambda carrier: name_key(carrier.name))
        yield from self._unique_of(Route, "destination_prefix", route_key)
        yield from self._unique_of(PanelUser, "email", lambda user: user.email.casefold())

    def _unique_trunks(self, changed: list[Trunk]) -> Iterator[Problem]:
        accounts = {trunk.account_id for trunk in changed}
        names = {(trunk.account_id, name_key(trunk.name)): 0 for trunk in changed}
        holders: dict[str, set[str]] = {item.username: set() for trunk in changed for item in trunk.credentials}
        for trunk in self._all_after(Trunk):
            for credential in trunk.credentials:
                if credential.username in holders:
                    holders[credential.username].add(trunk.id)
            if trunk.account_id in accounts and trunk.deleted_at is None:
                name = (trunk.account_id, name_key(trunk.name))
                if name in names:
                    names[name] += 1
        for trunk in changed:
            key = key_of(trunk).decode()
            if trunk.deleted_at is None and names[trunk.account_id, name_key(trunk.name)] > 1:
                yield f"{key}/name", f"{trunk.name!r} is the name of another trunk of the account"
            for index, credential in enumerate(trunk.credentials):
                if len(holders[credential.username]) > 1:
                    yield f"{key}/credentials/{index}/username", "is the username of another trunk"

    def _unique_of(
        self, model: type[Entry], attribute: str, value_of: Callable[[Entry], Hashable]
    ) -> Iterator[Problem]:
        changed = list(self._changed(model))
        if changed:
            count = Counter(value_of(entry) for entry in self._all_after(model))
            for entry in changed:
                if count[value_of(entry)] > 1:
                    yield (
                        f"{key_of(entry).decode()}/{attribute}",
                        f"another {NOUNS[model]} has the same: choose another one",
                    )

    # What others refer to

    def _removals(self) -> Iterator[Problem]:
        removed = [change for change in self._changes.values() if isinstance(change, Removal)]
        accounts = {removal.identity for removal in removed if removal.kind is Account}
        if accounts:
            held = Counter(trunk.account_id for trunk in self._trunks_in_service())
            held.update(did.account_id for did in self._all_after(Did))
            held.update(user.account_id for user in self._all_after(PanelUser) if user.account_id)
            held.update(api_key.account_id for api_key in self._all_after(ApiKey) if api_key.account_id)
            held.update(route.account_id for route in self._all_after(Route) if route.account_id)
            for identity in accounts & held.keys():
                left = counted(held[identity], "entry", "entries")
                what = "trunks, numbers, users, API keys, routes"
                yield f"account:{identity}", f"still has {left} ({what}): delete those first"
        carriers = {removal.identity for removal in removed if removal.kind is Carrier}
        if carriers:
            routes = Counter(route.carrier_id for route in self._all_after(Route))
            for identity in carriers & routes.keys():
                left = counted(routes[identity], "route still leads", "routes still lead")
                yield f"carrier:{identity}", f"{left} to it: delete or change what leads here first"
        profiles = {removal.identity for removal in removed if removal.kind is Profile}
        if profiles:
            for carrier in self._all_after(Carrier):
                if carrier.profile in profiles and carrier.profile not in shipped_names():
                    yield f"profile:{carrier.profile}", f"the carrier {carrier.name!r} still uses it"
        for removal in removed:
            if removal.kind is Trunk:
                trunk = self._directory.trunk(removal.identity)
                if trunk is not None and trunk.deleted_at is None:
                    yield f"trunk:{removal.identity}", "is in service: delete it first (deleted_at)"

    def _lost_number(self, change: Change) -> str | None:
        if isinstance(change, Removal):
            return change.identity if change.kind is Did else None
        if type(change) is not Did or (before := self._directory.did(change.number)) is None:
            return None
        moved = before.account_id != change.account_id
        return change.number if moved or before.p2p_enabled > change.p2p_enabled else None

    def _sources_taken_away(self) -> Iterator[Problem]:
        """DIDs that can no longer be a source, of trunks that are not changed themselves."""
        lost = {number for change in self._changes.values() if (number := self._lost_number(change)) is not None}
        if not lost:
            return
        used: dict[str, list[str]] = defaultdict(list)
        for trunk in self._directory.entries(Trunk):
            if trunk.deleted_at is None and f"trunk:{trunk.id}" not in self._changes:
                for number in lost.intersection(trunk.allowed_sources):
                    used[number].append(trunk.name)
        for number, names in used.items():
            listed = ", ".join(repr(name) for name in names[:3]) + (", ..." if len(names) > 3 else "")
            yield (
                f"did:{number}",
                f"is an allowed source of {counted(len(names), 'trunk')}: {listed}; take it off there first",
            )


def counted(number: int, noun: str, nouns: str = "") -> str:
    """Return a number with its noun, `1 route` or `2 routes`."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def _unreadable(key: str, entry: DirectoryEntry) -> Iterator[Problem]:
    """What no reader would take: `model_copy` and `model_construct` do not validate."""
    try:
        value = entry.to_bytes()
        type(entry).from_bytes(value)
    except ValidationError as error:
        for part in error.errors(include_url=False):
            yield "/".join([key, *map(str, part["loc"])]), pattern_problem(part)
    except ValueError as error:  # what pydantic raises when it cannot even write it
        yield key, f"cannot be written: {error}"
    else:
        if len(value) > MAX_ENTRY_BYTES:
            yield key, f"takes {len(value)} bytes of at most {MAX_ENTRY_BYTES}: list fewer sources, or allow any DID"


def _readable_texts(key: str, entry: DirectoryEntry, besides: set[str]) -> Iterator[Problem]:
    """What is wrong with the texts of an entry that has something worse elsewhere: people are told all at once."""
    for attribute, problem_of in (("name", name_problem), ("url", url_problem), ("callback_url", url_problem)):
        value = getattr(entry, attribute, None)
        where = f"{key}/{attribute}"
        if isinstance(value, str) and where not in besides and (problem := problem_of(value)) is not None:
            yield where, problem


def _numbered(where: str, number: str, owner: Account | None) -> Iterator[Problem]:
    problem = number_problem(number, NumberCheck.PLAN if owner is None else owner.checks)
    if problem is not None:
        yield where, problem


def _named(where: str, name: str) -> Iterator[Problem]:
    if (problem := name_problem(name)) is not None:
        yield where, problem


def _url(where: str, url: str) -> Iterator[Problem]:
    if (problem := url_problem(url)) is not None:
        yield where, problem
