"""What has to change in the directory so that it is what a file says.

Entries are known by their id, else by their name (a DID by its number, a person by the email, a route by prefixes,
account and carrier), so a file that people write needs no ids, and applying it twice changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from pipeline.directory.callback_secrets import CallbackSealer
from pipeline.directory.carrier_secrets import CarrierSealer
from pipeline.directory.file.form import (
    AccountForm,
    ApiKeyForm,
    CampaignForm,
    CarrierForm,
    DirectoryForm,
    RouteForm,
    SenderForm,
    TrunkForm,
    UserForm,
)
from pipeline.directory.file.prune import listed_entries
from pipeline.directory.file.sealing import callback_options, carrier_secrets
from pipeline.directory.file.summary import before_of
from pipeline.directory.file.wanted import Path, Wanted, steps
from pipeline.directory.model import Directory
from pipeline.directory.rules.changes import Change, change_key, route_key
from pipeline.directory.values import name_key, normalize_networks
from pipeline.errors import RuleViolated
from schemas.directory.account import Account, Did
from schemas.directory.campaign import Campaign
from schemas.directory.carrier import Carrier, Profile
from schemas.directory.limits import LIMITS
from schemas.directory.people import ApiKey, PanelUser
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import CallbackSecret, PasswordVerifier, Trunk
from schemas.identifiers import uuid7


class Issuer(NamedTuple):
    """Makes what a new trunk needs: a credential with its password for a trunk's id, and a signing secret.

    The sealers take in secrets that the file has in clear, where the installation has the keys.
    """

    credential: Callable[[str], tuple[PasswordVerifier, str]]
    callback_secret: Callable[[], CallbackSecret]
    carrier_sealer: CarrierSealer | None = None
    callback_sealer: CallbackSealer | None = None


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
    """Works out one file's plan. `where` turns a path in the file into a place for people."""

    def __init__(self, directory: Directory, issuer: Issuer, now: datetime, where: Callable[[Path], str]) -> None:
        self._directory = directory
        self._issuer = issuer
        self._now = now
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
        self._campaigns = {(it.account_id, name_key(it.name)): it.id for it in directory.entries(Campaign)}
        self._account_ids: dict[int, str] = {}
        self.issued: list[IssuedPassword] = []
        self.wanted = Wanted(where)

    def read(self, form: DirectoryForm) -> None:
        """Take every entry of the file as wanted."""
        for index, account in enumerate(form.accounts or ()):
            self._account(account, ("accounts", index))
        for index, profile in enumerate(form.profiles or ()):
            self.wanted.put(("profiles", index), Profile, id=profile.id, text=profile.text)
        for index, carrier in enumerate(form.carriers or ()):
            self._carrier(carrier, ("carriers", index))
        # What a name means in the file goes before what it means in the directory.
        self._carriers |= _by_name(entry for entry in self.wanted.changes.values() if type(entry) is Carrier)
        self._accounts |= _by_name(entry for entry in self.wanted.changes.values() if type(entry) is Account)
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
        limits = {attribute: getattr(form, attribute) for attribute in LIMITS}
        self.wanted.put(path, Account, id=identity, **values_of_account, **limits)
        for index, did in enumerate(form.dids or ()):
            values = {"number": did.number, "account_id": identity, "p2p_enabled": did.p2p_enabled}
            self.wanted.put((*path, "dids", index), Did, **values)
        for index, sender in enumerate(form.senders or ()):
            self._sender(sender, identity, (*path, "senders", index))
        for index, trunk in enumerate(form.trunks or ()):
            self._trunk(trunk, identity, name, (*path, "trunks", index))
        if form.campaigns:
            trunk_ids = self._trunk_ids(identity)
            for index, campaign in enumerate(form.campaigns):
                self._campaign(campaign, identity, trunk_ids, (*path, "campaigns", index))
        for index, user in enumerate(form.users or ()):
            self._user(user, identity, (*path, "users", index))
        for index, api_key in enumerate(form.api_keys or ()):
            self._api_key(api_key, identity, (*path, "api_keys", index))

    def _sender(self, form: SenderForm, account_id: str, path: Path) -> None:
        before = self._directory.sender(account_id, form.address)
        identity = form.id or (before.id if before else uuid7())
        values = {"id": identity, "account_id": account_id, "address": form.address}
        self.wanted.put(path, Sender, **values, countries=form.countries or None)

    def _trunk(self, form: TrunkForm, account_id: str, account_name: str, path: Path) -> None:
        if form.id is not None:
            before = self._directory.trunk(form.id)
        else:
            before = self._trunks.get((account_id, name_key(form.name)))
        identity = form.id or (before.id if before else uuid7())
        values = dict(form) | {"id": identity, "account_id": account_id, "name": form.name.strip()}
        if form.callbacks is not None:
            values["callbacks"] = callback_options(
                form.callbacks, identity, before, self._issuer.callback_sealer, self.wanted.noting(path)
            )  # fmt: skip
        try:
            values["allowed_ips"] = normalize_networks(form.allowed_ips)
        except RuleViolated as error:
            self.wanted.note(path, [(steps(where), what) for where, what in error.problems])
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
        trunk = self.wanted.put(path, Trunk, **values)
        if trunk is not None and password is not None:
            self.issued.append(IssuedPassword(trunk, account_name, password))

    def _trunk_ids(self, account_id: str) -> dict[str, str]:
        """Return an account's trunks by their names; what one means in the file goes before the directory's."""
        named = {key: it.id for (owner, key), it in self._trunks.items() if owner == account_id}
        wanted = (it for it in self.wanted.changes.values() if type(it) is Trunk and it.account_id == account_id)
        return named | {name_key(it.name): it.id for it in wanted if it.deleted_at is None}

    def _campaign(self, form: CampaignForm, account_id: str, trunk_ids: Mapping[str, str], path: Path) -> None:
        name = form.name.strip()
        identity = form.id or self._campaigns.get((account_id, name_key(name))) or uuid7()
        values = {"id": identity, "account_id": account_id, "name": name, "blocked": form.blocked}
        covered = tuple(trunk_ids.get(name_key(it), it) for it in form.trunks)
        self.wanted.put(path, Campaign, **values, senders=form.senders, trunk_ids=covered)

    def _user(self, form: UserForm, account_id: str | None, path: Path) -> None:
        before = self._users.get(form.email.casefold())
        identity = form.id or (before.id if before else uuid7())
        values = dict(form) | {"id": identity, "account_id": account_id}
        if before is not None:
            left_out = {"second_factor", "invitation"} - form.model_fields_set
            values |= {it: getattr(before, it) for it in left_out}
        self.wanted.put(path, PanelUser, **values)

    def _api_key(self, form: ApiKeyForm, account_id: str | None, path: Path) -> None:
        before = self._api_keys.get(form.digest)
        identity = form.id or (before.id if before else uuid7())
        self.wanted.put(path, ApiKey, **(dict(form) | {"id": identity, "account_id": account_id}))

    def _carrier(self, form: CarrierForm, path: Path) -> None:
        identity = self._identity(form, self._carriers, path)
        before = self._directory.carrier(identity)
        values = dict(form) | {"id": identity, "name": form.name.strip()}
        values["secrets"] = carrier_secrets(
            form.secrets, identity, before, self._issuer.carrier_sealer, self.wanted.noting(path)
        )  # fmt: skip
        self.wanted.put(path, Carrier, **values)

    def _route(self, form: RouteForm, path: Path) -> None:
        carrier_id = self._named(form.carrier, Carrier, self._carriers, path)
        account_id = None if form.account is None else self._named(form.account, Account, self._accounts, path)
        if carrier_id is None or (account_id is None and form.account is not None):
            return
        values = dict(form) | {"carrier_id": carrier_id, "account_id": account_id}
        del values["carrier"], values["account"]
        before = self._routes.get((form.destination_prefix, form.source_prefix, account_id, carrier_id))
        values["id"] = form.id or (before.id if before else uuid7())
        self.wanted.put(path, Route, **values)

    def _named(
        self, name: str, model: type[Account] | type[Carrier], known: Mapping[str, list[str]], path: Path
    ) -> str | None:
        """Return the id of the entry that a route names, by name or id; None after noting why there is none."""
        noun = model.__name__.lower()
        there: Account | Carrier | None
        there = self._directory.account(name) if model is Account else self._directory.carrier(name)
        if there is not None or f"{noun}:{name}" in self.wanted.changes:
            return name
        fitting = known.get(name_key(name), [])
        if len(fitting) == 1:
            return fitting[0]
        problem = f"several {noun}s have this name: give the id" if fitting else f"there is no {noun} of this name"
        self.wanted.note(path, [((noun,), problem)])
        return None

    def _identity(self, form: AccountForm | CarrierForm, known: Mapping[str, list[str]], path: Path) -> str:
        if form.id is not None:
            return form.id
        identities = known.get(name_key(form.name), [])
        if len(identities) > 1:
            self.wanted.note(path, [(("name",), "several have this name: give the id")])
        return identities[0] if identities else uuid7()

    def prune(self, form: DirectoryForm) -> None:
        """Delete what belongs into one of the file's lists and is not there."""
        lists = {self._account_ids[index]: account for index, account in enumerate(form.accounts or ())}
        for change in listed_entries(form, lists, self._directory, self._now):
            self.wanted.changes.setdefault(change_key(change).decode(), change)

    def changes(self) -> list[Change]:
        """Return what differs from the directory."""
        return [change for change in self.wanted.changes.values() if before_of(change, self._directory) != change]


def _by_name(entries: Iterable[Account] | Iterable[Carrier]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in entries:
        found.setdefault(name_key(entry.name), []).append(entry.id)
    return found
