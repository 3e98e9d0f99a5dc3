"""What has to change in the directory so that it is what a file says.

Entries are known by their id, else by their name (a DID by its number, a person by the email, a route by prefixes,
account and carrier), so a file that people write needs no ids, and applying it twice changes nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import ValidationError

from pipeline.directory.file.form import (
    AccountForm,
    ApiKeyForm,
    CarrierForm,
    CarrierSecretForm,
    DirectoryForm,
    RouteForm,
    TrunkForm,
    UserForm,
)
from pipeline.directory.file.prune import listed_entries
from pipeline.directory.model import Directory
from pipeline.directory.rules import Change, Removal, change_key, route_key
from pipeline.directory.values import name_key, normalize_networks
from pipeline.errors import RuleViolated
from schemas.address import pattern_problem
from schemas.directory.account import Account, Did
from schemas.directory.carrier import Carrier, Profile, SealedSecret
from schemas.directory.entry import DirectoryEntry, key_of
from schemas.directory.people import ApiKey, PanelUser
from schemas.directory.route import Route
from schemas.directory.trunk import CallbackSecret, PasswordVerifier, Trunk
from schemas.identifiers import uuid7

Path = tuple[str | int, ...]
Entry = TypeVar("Entry", Account, Did, Trunk, Carrier, Profile, Route, PanelUser, ApiKey)

_OF_A_ROUTE: Final = {"carrier_id": "carrier", "account_id": "account"}  # by name or id in a file
_KIND_NAMES: Final[dict[type[DirectoryEntry], tuple[str, str]]] = {
    Account: ("account", "accounts"),
    Did: ("DID", "DIDs"),
    Trunk: ("trunk", "trunks"),
    Profile: ("profile", "profiles"),
    Carrier: ("carrier", "carriers"),
    Route: ("route", "routes"),
    PanelUser: ("user", "users"),
    ApiKey: ("API key", "API keys"),
}


class Issuer(NamedTuple):
    """Makes what a new trunk needs: a credential with its password for a trunk's id, and a signing secret."""

    credential: Callable[[str], tuple[PasswordVerifier, str]]
    callback_secret: Callable[[], CallbackSecret]
    carrier_secret: Callable[[str, str, str], SealedSecret] | None = None
    """Seals a carrier's secret: takes the carrier's id, the secret's name and the secret."""


class IssuedPassword(NamedTuple):
    """The credentials of a new trunk; the password is nowhere else in clear."""

    trunk: Trunk
    account_name: str
    password: str


class Plan(NamedTuple):
    """What a file asks for: `changes` as one set, the new trunks' passwords, and counts like `2 trunks created`."""

    changes: tuple[Change, ...]
    issued: tuple[IssuedPassword, ...]
    summary: tuple[str, ...]


class Planner:
    """Works out one file's plan. `where` turns a path in the file into a place for people, as in `problems`."""

    def __init__(self, directory: Directory, issuer: Issuer, now: datetime, where: Callable[[Path], str]) -> None:
        self._directory = directory
        self._where = where
        self._issuer = issuer
        self._now = now
        self._wanted: dict[str, Change] = {}
        self._paths: dict[str, Path] = {}
        self._accounts = _by_name(directory.entries(Account))
        self._carriers = _by_name(directory.entries(Carrier))
        self._trunks = {
            (trunk.account_id, name_key(trunk.name)): trunk
            for trunk in directory.entries(Trunk)
            if trunk.deleted_at is None
        }
        self._routes = {route_key(route): route for route in directory.entries(Route)}
        self._users = {user.email.casefold(): user for user in directory.entries(PanelUser)}
        self._api_keys = {api_key.digest: api_key for api_key in directory.entries(ApiKey)}
        self._account_ids: dict[int, str] = {}
        self.issued: list[IssuedPassword] = []
        self.problems: list[tuple[str, str]] = []

    def read(self, form: DirectoryForm) -> None:
        """Take every entry of the file as wanted."""
        for index, account in enumerate(form.accounts or ()):
            self._account(account, ("accounts", index))
        for index, profile in enumerate(form.profiles or ()):
            self._want(("profiles", index), Profile, id=profile.id, text=profile.text)
        for index, carrier in enumerate(form.carriers or ()):
            self._carrier(carrier, ("carriers", index))
        # What a name means in the file goes before what it means in the directory.
        self._carriers |= _by_name(entry for entry in self._wanted.values() if type(entry) is Carrier)
        self._accounts |= _by_name(entry for entry in self._wanted.values() if type(entry) is Account)
        for index, route in enumerate(form.routes or ()):
            self._route(route, ("routes", index))
        for index, user in enumerate(form.operators or ()):
            self._user(user, None, ("operators", index))
        for index, api_key in enumerate(form.operator_api_keys or ()):
            self._api_key(api_key, None, ("operator_api_keys", index))

    def _account(self, form: AccountForm, path: Path) -> None:
        identity = self._identity(form, self._accounts, path)
        self._account_ids[int(path[1])] = identity
        name = form.name.strip()
        check = form.number_check and form.number_check.written
        texts = form.store_texts or None
        values_of_account = {"name": name, "blocked": form.blocked, "number_check": check, "store_texts": texts}
        self._want(path, Account, id=identity, **values_of_account)
        for index, did in enumerate(form.dids or ()):
            values = {"number": did.number, "account_id": identity, "p2p_enabled": did.p2p_enabled}
            self._want((*path, "dids", index), Did, **values)
        for index, trunk in enumerate(form.trunks or ()):
            self._trunk(trunk, identity, name, (*path, "trunks", index))
        for index, user in enumerate(form.users or ()):
            self._user(user, identity, (*path, "users", index))
        for index, api_key in enumerate(form.api_keys or ()):
            self._api_key(api_key, identity, (*path, "api_keys", index))

    def _trunk(self, form: TrunkForm, account_id: str, account_name: str, path: Path) -> None:
        if form.id is not None:
            before = self._directory.trunk(form.id)
        else:
            before = self._trunks.get((account_id, name_key(form.name)))
        identity = form.id or (before.id if before else uuid7())
        values = dict(form) | {"id": identity, "account_id": account_id, "name": form.name.strip()}
        try:
            values["allowed_ips"] = normalize_networks(form.allowed_ips)
        except RuleViolated as error:
            self._note(path, [(_steps(where), what) for where, what in error.problems])
            values["allowed_ips"] = ()
        password = None
        if form.credentials is not None:
            values["credentials"] = tuple(dict(credential) for credential in form.credentials)
        elif before is not None:
            values["credentials"] = before.credentials
        else:
            credential, password = self._issuer.credential(identity)
            values["credentials"] = (credential,)
        if form.callback_secrets is not None:
            values["callback_secrets"] = tuple(dict(secret) for secret in form.callback_secrets)
        else:
            values["callback_secrets"] = before.callback_secrets if before else (self._issuer.callback_secret(),)
        if before is not None and before.callback_url != form.callback_url:
            values["callback_disabled_at"] = None  # it was the other endpoint that wanted no more
        elif before is not None and "callback_disabled_at" not in form.model_fields_set:
            values["callback_disabled_at"] = before.callback_disabled_at
        values["created_at"] = form.created_at or (before.created_at if before else self._now)
        trunk = self._want(path, Trunk, **values)
        if trunk is not None and password is not None:
            self.issued.append(IssuedPassword(trunk, account_name, password))

    def _user(self, form: UserForm, account_id: str | None, path: Path) -> None:
        before = self._users.get(form.email.casefold())
        identity = form.id or (before.id if before else uuid7())
        values = dict(form) | {"id": identity, "account_id": account_id}
        if before is not None:
            left_out = {"second_factor", "invitation"} - form.model_fields_set
            values |= {it: getattr(before, it) for it in left_out}
        self._want(path, PanelUser, **values)

    def _api_key(self, form: ApiKeyForm, account_id: str | None, path: Path) -> None:
        before = self._api_keys.get(form.digest)
        identity = form.id or (before.id if before else uuid7())
        self._want(path, ApiKey, **(dict(form) | {"id": identity, "account_id": account_id}))

    def _carrier(self, form: CarrierForm, path: Path) -> None:
        identity = self._identity(form, self._carriers, path)
        before = self._directory.carrier(identity)
        values = dict(form) | {"id": identity, "name": form.name.strip()}
        if form.secrets is None:
            values["secrets"] = None if before is None else before.secrets
        else:
            values["secrets"] = tuple(self._carrier_secrets(form.secrets, identity, before, path)) or None
        self._want(path, Carrier, **values)

    def _carrier_secrets(
        self, forms: Iterable[CarrierSecretForm], identity: str, before: Carrier | None, path: Path
    ) -> Iterator[dict[str, Any]]:
        for index, form in enumerate(forms):
            if form.value is None:
                yield {"name": form.name, "sealed": form.sealed or "", "key_id": form.key_id or ""}
            elif self._issuer.carrier_secret is None:
                problem = "cannot be sealed: the installation has no key for carriers (SMSOUT_CARRIER_KEY_FILE)"
                self._note(path, [(("secrets", index, "value"), problem)])
            else:
                yield dict(self._issuer.carrier_secret(identity, form.name, form.value))

    def _route(self, form: RouteForm, path: Path) -> None:
        carrier_id = self._named(form.carrier, Carrier, self._carriers, path)
        account_id = None if form.account is None else self._named(form.account, Account, self._accounts, path)
        if carrier_id is None or (account_id is None and form.account is not None):
            return
        values = dict(form) | {"carrier_id": carrier_id, "account_id": account_id}
        del values["carrier"], values["account"]
        before = self._routes.get((form.destination_prefix, form.source_prefix, account_id, carrier_id))
        values["id"] = form.id or (before.id if before else uuid7())
        self._want(path, Route, **values)

    def _named(
        self, name: str, model: type[Account] | type[Carrier], known: Mapping[str, list[str]], path: Path
    ) -> str | None:
        """Return the id of the entry that a route names, by name or id; None after noting why there is none."""
        noun = model.__name__.lower()
        there: Account | Carrier | None
        there = self._directory.account(name) if model is Account else self._directory.carrier(name)
        if there is not None or f"{noun}:{name}" in self._wanted:
            return name
        fitting = known.get(name_key(name), [])
        if len(fitting) == 1:
            return fitting[0]
        problem = f"several {noun}s have this name: give the id" if fitting else f"there is no {noun} of this name"
        self._note(path, [((noun,), problem)])
        return None

    def _identity(self, form: AccountForm | CarrierForm, known: Mapping[str, list[str]], path: Path) -> str:
        if form.id is not None:
            return form.id
        identities = known.get(name_key(form.name), [])
        if len(identities) > 1:
            self._note(path, [(("name",), "several have this name: give the id")])
        return identities[0] if identities else uuid7()

    def _want(self, path: Path, model: type[Entry], **values: Any) -> Entry | None:
        try:
            entry = model(**values)
        except ValidationError as error:
            self._note(path, validation_problems(error))
            return None
        key = key_of(entry).decode()
        if key in self._wanted:
            self._note(path, [((), f"is the same {_KIND_NAMES[model][0]} as {self._where(self._paths[key])}")])
        self._wanted[key] = entry
        self._paths[key] = path
        return entry

    def _note(self, path: Path, found: Iterable[tuple[Path, str]]) -> None:
        self.problems += [(self._where((*path, *inner)), what) for inner, what in found]

    def prune(self, form: DirectoryForm) -> None:
        """Delete what belongs into one of the file's lists and is not there."""
        lists = {self._account_ids[index]: account for index, account in enumerate(form.accounts or ())}
        for change in listed_entries(form, lists, self._directory, self._now):
            self._wanted.setdefault(change_key(change).decode(), change)

    def changes(self) -> list[Change]:
        """Return what differs from the directory."""
        return [change for change in self._wanted.values() if self._before(change) != change]

    def summary(self, changes: Iterable[Change]) -> list[str]:
        """Return how many entries of each kind are created, changed and deleted."""
        counts: Counter[tuple[type[DirectoryEntry], str]] = Counter()
        for change in changes:
            kind = change.kind if isinstance(change, Removal) else type(change)
            before = self._before(change)
            deleted = isinstance(change, Removal) or (
                isinstance(change, Trunk)
                and isinstance(before, Trunk)
                and change.deleted_at is not None
                and before.deleted_at is None
            )
            counts[kind, "deleted" if deleted else "created" if before is None else "changed"] += 1
        return [
            f"{count} {names[count > 1]} {what}"
            for kind, names in _KIND_NAMES.items()
            for what in ("created", "changed", "deleted")
            if (count := counts[kind, what])
        ]

    def _before(self, change: Change) -> DirectoryEntry | None:
        kind = change.kind if isinstance(change, Removal) else type(change)
        return self._directory.get(kind, change_key(change).decode().partition(":")[2])  # type: ignore[type-var]

    def add_rules(self, found: list[tuple[str, str]]) -> None:
        """Take over problems that the rules have found, with their places in the file."""
        for place, what in found:
            key, *attributes = _steps(place)
            path = self._paths.get(str(key))
            if path is None:
                self.problems.append((place, what))  # not in the file: to be deleted
            else:
                written = _OF_A_ROUTE if path[0] == "routes" else {}
                self._note(path, [(tuple(written.get(str(step), step) for step in attributes), what)])


def validation_problems(error: ValidationError) -> list[tuple[Path, str]]:
    """Return path and problem of everything that pydantic has found, without the values: they may be secret."""
    return [(part["loc"], pattern_problem(part)) for part in error.errors(include_url=False)]


def _by_name(entries: Iterable[Account] | Iterable[Carrier]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in entries:
        found.setdefault(name_key(entry.name), []).append(entry.id)
    return found


def _steps(where: str) -> Path:
    return tuple(int(step) if step.isdecimal() else step for step in where.split("/"))
