"""The directory as a YAML file: for people, version control and backups (docs/directory.md).

A file says what should be. Everything wrong with it is reported at once, each problem with its line.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Self

import yaml
from pydantic import ValidationError

from pipeline.directory.file.form import DirectoryForm
from pipeline.directory.file.plan import Issuer, Plan, Planner
from pipeline.directory.file.summary import summary
from pipeline.directory.file.wanted import validation_problems
from pipeline.directory.model import Directory
from pipeline.directory.rules.check import check
from pipeline.directory.values import name_key
from pipeline.errors import RuleViolated
from pipeline.yaml_document import YamlDocument
from schemas.directory.account import Account, Did
from schemas.directory.campaign import Campaign
from schemas.directory.carrier import Carrier, Profile
from schemas.directory.people import ApiKey, PanelUser
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk
from schemas.record import WireModel, json_object


class DirectoryFile:
    """A parsed file."""

    def __init__(self, document: YamlDocument, form: DirectoryForm) -> None:
        self._document = document
        self._form = form

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Parse a file. Raises `RuleViolated` with every line that is not as `DirectoryForm` says."""
        document = YamlDocument.parse(content)
        try:
            return cls(document, DirectoryForm.model_validate({} if document.tree is None else document.tree))
        except ValidationError as error:
            problems = [(document.where(path), what) for path, what in validation_problems(error)]
            raise RuleViolated(problems) from None  # the cause quotes the file, which may hold secrets

    @property
    def brings_passwords(self) -> bool:
        """Whether it holds verifiers of passwords, as a backup does: they were made with some installation's pepper."""
        accounts = self._form.accounts or ()
        return any(trunk.credentials for account in accounts for trunk in account.trunks or ())

    def plan(self, directory: Directory, issuer: Issuer, now: datetime, *, prune: bool = False) -> Plan:
        """Work out what has to change in `directory`.

        With `prune` entries that are in none of the file's lists are deleted. Raises `RuleViolated` with every
        problem and its line.
        """
        planner = Planner(directory, issuer, now, self._document.where)
        planner.read(self._form)
        if prune and not planner.wanted.problems:
            planner.prune(self._form)
        changes = planner.changes()
        unreadable = bool(planner.wanted.problems)
        try:
            check(changes, directory)
        except RuleViolated as error:
            # Entries that could not be made are missed by those that refer to them: that is no problem of its own.
            planner.wanted.add_rules(
                [problem for problem in error.problems if not (unreadable and _refers(problem[0]))]
            )
        if planner.wanted.problems:
            raise RuleViolated(planner.wanted.problems)
        return Plan(tuple(changes), tuple(planner.issued), tuple(summary(changes, directory)))


def _refers(place: str) -> bool:
    return place.endswith(("/account_id", "/carrier_id"))


def export(directory: Directory, *, secrets: bool = True) -> str:
    """Return the directory as a file that `DirectoryFile` reads.

    With `secrets` it restores everything exactly. Without, it leaves out credentials, signing secrets, people,
    API keys, which endpoints are disabled, and trunks that are deleted already; applying it to the same directory
    changes nothing.
    """
    trunks = _by_account(
        sorted(
            (trunk for trunk in directory.entries(Trunk) if secrets or trunk.deleted_at is None),
            key=lambda trunk: (trunk.name, trunk.id),
        )
    )
    dids = _by_account(sorted(directory.entries(Did), key=lambda did: did.number))
    senders = _by_account(sorted(directory.entries(Sender), key=lambda sender: (sender.address, sender.id)))
    campaigns = _by_account(sorted(directory.entries(Campaign), key=lambda it: (it.name, it.id)))
    people = sorted(directory.entries(PanelUser), key=lambda user: (user.email, user.id)) if secrets else []
    programs = sorted(directory.entries(ApiKey), key=lambda key: (key.name, key.id)) if secrets else []
    users = {owner: [_written(user) for user in owned] for owner, owned in _by_account(people).items()}
    api_keys = {owner: [_written(key) for key in owned] for owner, owned in _by_account(programs).items()}
    carriers = sorted(directory.entries(Carrier), key=lambda carrier: (carrier.name, carrier.id))
    accounts = sorted(directory.entries(Account), key=lambda account: (account.name, account.id))
    names = {carrier.id: carrier.name for carrier in carriers}
    namesakes = Counter(name_key(account.name) for account in accounts)
    owners = {account.id: account.name for account in accounts if namesakes[name_key(account.name)] == 1}
    content: dict[str, Any] = {
        "accounts": [
            _written(account)
            | {"dids": [_Inline(_written(did)) for did in dids.get(account.id, ())]}
            | {"senders": [_Inline(_written(sender)) for sender in senders.get(account.id, ())]}
            | {"trunks": [_trunk(trunk, secrets=secrets) for trunk in trunks.get(account.id, ())]}
            | {"campaigns": [_campaign(campaign) for campaign in campaigns.get(account.id, ())]}
            | ({"users": users.get(account.id, []), "api_keys": api_keys.get(account.id, [])} if secrets else {})
            for account in accounts
        ],
        "profiles": [_written(it) for it in sorted(directory.entries(Profile), key=lambda it: it.id)],
        "carriers": [_carrier(carrier, secrets=secrets) for carrier in carriers],
        "routes": [
            _written(route)
            | ({} if route.account_id is None else {"account": owners.get(route.account_id, route.account_id)})
            | {"carrier": names.get(route.carrier_id, route.carrier_id)}
            for route in sorted(directory.entries(Route), key=lambda route: (route.destination_prefix, route.id))
        ],
    }
    if secrets:
        content |= {"operators": users.get(None, []), "operator_api_keys": api_keys.get(None, [])}
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return (_WITH_SECRETS if secrets else _WITHOUT_SECRETS) + text


_WITH_SECRETS: Final = """\
# The directory, as `smsout directory export` wrote it.
# THIS FILE HOLDS SECRETS: callback signing secrets, and what checks and (with the key files) reveals passwords and
# carriers' secrets.
# Keep it where only you can read it, and out of version control (there: `--without-secrets`).
"""
_WITHOUT_SECRETS: Final = """\
# The directory without its secrets, as `smsout directory export --without-secrets` wrote it. Applying it keeps the
# credentials and secrets that are there; it is no backup.
"""
_ELSEWHERE: Final = {"schema_version", "account_id", "carrier_id"}  # said by where an entry stands
_NOT_WRITTEN_DOWN: Final = {"credentials", "callback_secrets", "callback_disabled_at"}  # secrets, and a state


class _Inline(dict[str, Any]):
    """A mapping that is written on one line."""


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # libyaml's where it is there
    def ignore_aliases(self, data: object) -> bool:
        return True  # our reader takes none


_Dumper.add_representer(_Inline, lambda dumper, data: dumper.represent_mapping("tag:yaml.org,2002:map", data, True))


def _written(entry: WireModel) -> dict[str, Any]:
    return {name: value for name, value in json_object(entry).items() if name not in _ELSEWHERE and value != []}


def _trunk(trunk: Trunk, *, secrets: bool) -> dict[str, Any]:
    written = _written(trunk)
    if secrets:
        return written
    if "callbacks" in written:  # with nothing but secrets it is still there: otherwise these would not stay
        written["callbacks"].pop("secrets", None)
    return {name: value for name, value in written.items() if name not in _NOT_WRITTEN_DOWN}


def _campaign(campaign: Campaign) -> dict[str, Any]:
    written = _written(campaign)
    return written | {"trunks": written.pop("trunk_ids")}


def _carrier(carrier: Carrier, *, secrets: bool) -> dict[str, Any]:
    return {name: value for name, value in _written(carrier).items() if secrets or name != "secrets"}


def _by_account(entries: Iterable[Any]) -> dict[str | None, list[Any]]:
    found: dict[str | None, list[Any]] = {}
    for entry in entries:
        found.setdefault(entry.account_id, []).append(entry)
    return found
