"""What every operation stands on: who may see an entry, writing with an audit event, clear problems."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, Literal, Protocol, TypeVar

from agents.panel.operations.actor import Actor
from agents.panel.operations.differences import between, writable
from agents.panel.operations.errors import Conflict, NotFound
from pipeline.directory.credentials import PasswordSealer
from pipeline.directory.model import Directory
from pipeline.directory.rules import Change, Removal, change_key
from pipeline.errors import RuleViolated
from schemas.directory.account import Account, Did
from schemas.directory.audit import AuditEvent
from schemas.directory.carrier import Carrier, Route
from schemas.directory.entry import DirectoryEntry, key_of
from schemas.directory.people import ApiKey, PanelUser
from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7
from schemas.record import OutRecord
from schemas.topics import AUDIT

Entry = TypeVar("Entry", Account, Did, Trunk, Carrier, Route, PanelUser, ApiKey)

SYSTEM_KEY: Final = b"system"


class Writer(Protocol):
    """What is used of `DirectoryWriter`."""

    @property
    def directory(self) -> Directory:
        """The directory as it is."""

    async def write(self, *changes: Change, beside: Sequence[OutRecord] = ()) -> None:
        """Check and write `changes` as one set, together with the records `beside`."""

    def written_at(self, trunk: Trunk) -> datetime | None:
        """Return when a trunk was last written."""


class Audit(Protocol):
    """What is used of the audit log."""

    async def record(self, event: AuditEvent) -> None:
        """Write an event; return when the broker has it."""

    def newest(self) -> Iterable[AuditEvent]:
        """Iterate over the events that are held, newest first."""


class Sender(Protocol):
    """What is used of the producer of submissions."""

    async def write(self, records: Iterable[OutRecord]) -> None:
        """Write `records`; return when the broker has them."""


class Hasher(Protocol):
    """What is used of the passwords of people."""

    async def hash(self, password: str) -> str:
        """Return the PHC text of a password."""

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tell whether the password is the one; None costs the same and is never right."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operations are told by the settings. `ingress_urls` are shown as the hosts to send to."""

    max_segments: int = 10
    ingress_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tools:
    """What the operations work with."""

    writer: Writer
    audit: Audit
    sender: Sender
    hasher: Hasher
    sealer: PasswordSealer
    pepper: bytes
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


class Desk:
    """The base of all operations."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._changing = asyncio.Lock()
        """Held from reading an entry to having written it: this process is the only writer."""

    @property
    def directory(self) -> Directory:
        """The directory as it is, for look-ups of names; access is the operations' question."""
        return self._tools.writer.directory

    # Who may see what

    def scope(self, actor: Actor, account_id: str | None) -> str | None:
        """Return the account that a list is about: the actor's own; for operators `account_id`, None being all."""
        if not actor.is_operator:
            if account_id not in (None, actor.account_id):
                raise NotFound("There is no such account.")
            return actor.account_id
        if account_id is not None and self.directory.account(account_id) is None:
            raise NotFound("There is no such account.")
        return account_id

    def one_account(self, actor: Actor, account_id: str | None) -> str:
        """Return the account that a new entry is for. Raises `RuleViolated` when an operator names none of several."""
        found = self.scope(actor, account_id)
        if found is None:
            found = self.only_account()
        if found is None:
            raise RuleViolated([("account_id", "choose an account")])
        return found

    def only_account(self) -> str | None:
        """Return the account when there is exactly one: nobody needs to say which is meant."""
        accounts = tuple(islice(self.directory.entries(Account), 2))
        return accounts[0].id if len(accounts) == 1 else None

    def _seen(self, actor: Actor, entry: Entry | None, what: str) -> Entry:
        """Return `entry` when the actor may see it; else it is not there."""
        if entry is not None and (actor.is_operator or getattr(entry, "account_id", None) == actor.account_id):
            return entry
        raise NotFound(f"There is no such {what}.")

    def version(self, entry: DirectoryEntry) -> int:
        """Return the version to expect when changing an entry that was read just now."""
        found = self.directory.version_of(type(entry), key_of(entry).decode().partition(":")[2])
        return -1 if found is None else found

    def _expect(self, entry: DirectoryEntry, expected_version: int | None) -> None:
        if expected_version is not None and self.version(entry) != expected_version:
            raise Conflict("Somebody else has changed this meanwhile. Nothing of yours was saved; look at it again.")

    # Writing

    async def _save(
        self, actor: Actor, action: str, *changes: Change, about: str | None = None, account_id: str | None = None
    ) -> None:
        """Write `changes` and one audit event for each, or a single one that says `about`, in one transaction."""
        if about is None:
            events = [self._event_of(actor, action, change) for change in changes]
        else:
            events = [self.event(actor, action, account_id=account_id, target_name=about)]
        records = [OutRecord(AUDIT, audit_key(event), event.to_bytes(), partition=0) for event in events]
        await self._tools.writer.write(*changes, beside=records)

    def event(
        self,
        actor: Actor | str,
        action: str,
        *,
        account_id: str | None = None,
        target: str | None = None,
        target_name: str | None = None,
        ip: str | None = None,
    ) -> AuditEvent:
        """Return an audit event; `actor` is a text when nobody was authenticated."""
        kind: Literal["user", "api_key", "system", "nobody"] = "nobody"
        name, identity = actor, None
        if isinstance(actor, Actor):
            kind, name, identity, ip = actor.kind, actor.name, actor.id or None, actor.ip
            account_id = account_id or actor.account_id
        return AuditEvent(
            id=uuid7(),
            at=self._tools.clock(),
            actor=writable(str(name)[:254]) or "",
            actor_kind=kind,
            actor_id=identity,
            ip=ip,
            account_id=account_id,
            action=action,
            target=target,
            target_name=writable(target_name),
        )

    def _event_of(self, actor: Actor, action: str, change: Change) -> AuditEvent:
        kind, _, identity = change_key(change).decode().partition(":")
        model = change.kind if isinstance(change, Removal) else type(change)
        before: Any = self.directory.get(model, identity)
        after = None if isinstance(change, Removal) else change
        known = after or before
        event = self.event(
            actor, action, account_id=account_of(known), target=f"{kind}:{identity}", target_name=name_of(known)
        )
        return event.model_copy(update={"differences": between(before, after)})


def audit_key(event: AuditEvent) -> bytes:
    """Return the record key of an audit event: its account's id."""
    return event.account_id.encode() if event.account_id else SYSTEM_KEY


def account_of(entry: DirectoryEntry | None) -> str | None:
    """Return the account that an entry belongs to."""
    if entry is None:
        return None
    return entry.id if isinstance(entry, Account) else getattr(entry, "account_id", None)


def name_of(entry: DirectoryEntry | None) -> str | None:
    """Return what people call an entry."""
    for attribute in ("name", "email", "number"):
        if (found := getattr(entry, attribute, None)) is not None:
            return str(found)
    if isinstance(entry, Route):
        return f"destinations {entry.destination_prefix}*"
    return None


@contextmanager
def places_of(entry: DirectoryEntry) -> Iterator[None]:
    """Let the problems of one entry name the attribute alone, `name` instead of `trunk:<id>/name`."""
    prefix = key_of(entry).decode() + "/"
    try:
        yield
    except RuleViolated as error:
        raise RuleViolated([(where.removeprefix(prefix), what) for where, what in error.problems]) from None
