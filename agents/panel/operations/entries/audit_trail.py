"""Audit events: who did what to which entry, made here and recorded; and what is held of them."""

from collections.abc import Iterable
from typing import Any, Final, Literal

from agents.panel.operations.actor import Actor
from agents.panel.operations.entries.differences import between, writable
from agents.panel.operations.ports import AuditTopic, Clock
from pipeline.directory.rules.changes import Change, Removal, change_key
from schemas.directory.account import Account
from schemas.directory.audit import AuditEvent
from schemas.directory.carrier import Profile
from schemas.directory.entry import DirectoryEntry
from schemas.directory.route import Route
from schemas.identifiers import uuid7
from schemas.record import OutRecord
from schemas.topics import AUDIT

SYSTEM_KEY: Final = b"system"


class AuditTrail:
    """Makes audit events, and records those that go with no change of the directory."""

    def __init__(self, topic: AuditTopic, clock: Clock) -> None:
        self._topic = topic
        self._clock = clock

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
            at=self._clock(),
            actor=writable(str(name)[:254]) or "",
            actor_kind=kind,
            actor_id=identity,
            ip=ip,
            account_id=account_id,
            action=action,
            target=target,
            target_name=writable(target_name),
        )

    def event_of(self, actor: Actor, action: str, before: DirectoryEntry | None, change: Change) -> AuditEvent:
        """Return the audit event of a change, with the attributes in which the entry differs from `before`."""
        after = None if isinstance(change, Removal) else change
        known = after or before
        event = self.event(
            actor,
            action,
            account_id=_account_of(known),
            target=change_key(change).decode(),
            target_name=_name_of(known),
        )
        return event.model_copy(update={"differences": between(before, after)})

    async def record(self, actor: Actor | str, action: str, **about: Any) -> None:
        """Record an event, made of the arguments of `event`; return when the broker has it. Raises `BrokerError`."""
        await self._topic.record(self.event(actor, action, **about))

    def newest(self) -> Iterable[AuditEvent]:
        """Iterate over the events that are held, newest first."""
        return self._topic.newest()


def audit_record(event: AuditEvent) -> OutRecord:
    """Return an audit event's record, whose key is its account's id. All lie in one partition, in their order."""
    key = event.account_id.encode() if event.account_id else SYSTEM_KEY
    return OutRecord(AUDIT, key, event.to_bytes(), partition=0)


def _account_of(entry: DirectoryEntry | None) -> str | None:
    if entry is None or isinstance(entry, Route):
        return None  # routes are the operator's, also those that are for one account
    return entry.id if isinstance(entry, Account) else getattr(entry, "account_id", None)


def _name_of(entry: DirectoryEntry | None) -> str | None:
    """Return what people call an entry."""
    for attribute in ("name", "email", "number", "address"):
        if (found := getattr(entry, attribute, None)) is not None:
            return str(found)
    if isinstance(entry, Profile):
        return entry.id
    if isinstance(entry, Route):
        return f"destinations {entry.destination_prefix}*"
    return None
