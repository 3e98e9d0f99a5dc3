"""Changes of entries: one at a time, on the version that was read, in one transaction with their audit events."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from agents.panel.operations.actor import Actor
from agents.panel.operations.entries.audit_trail import AuditTrail, audit_record
from agents.panel.operations.errors import Conflict
from agents.panel.operations.ports import DirectoryStore
from pipeline.directory.rules.changes import Change, Removal, change_key
from pipeline.errors import RuleViolated
from schemas.directory.entry import DirectoryEntry, key_of

Entry = TypeVar("Entry", bound=DirectoryEntry)


class Changes:
    """Writes what the operations decide. `exclusive` is held from reading an entry to having written it.

    This process is the only writer, so nobody else's change can come in between.
    """

    def __init__(self, store: DirectoryStore, trail: AuditTrail) -> None:
        self._store = store
        self._trail = trail
        self.exclusive = asyncio.Lock()

    # Versions

    def version(self, entry: DirectoryEntry) -> int:
        """Return the version to expect when changing an entry that was read just now."""
        found = self._store.directory.version_of(type(entry), _identity(key_of(entry)))
        return -1 if found is None else found

    def expect(self, entry: DirectoryEntry, expected_version: int | None) -> None:
        """Raise `Conflict` when the entry has another version than the one that is expected, None being any."""
        if expected_version is not None and self.version(entry) != expected_version:
            raise Conflict("Somebody else has changed this meanwhile. Nothing of yours was saved; look at it again.")

    # One entry

    async def create(self, actor: Actor, action: str, entry: DirectoryEntry) -> None:
        """Write a new entry. Raises `RuleViolated` with the attributes that are wrong."""
        async with self.exclusive:
            await self._write_one(actor, action, entry)

    async def update(
        self,
        actor: Actor,
        action: str,
        read: Callable[[], Entry],
        change: Callable[[Entry], Entry],
        expected_version: int | None = None,
    ) -> Entry:
        """Write what `change` makes of the entry that `read` finds, and return it.

        Nothing is written when `change` returns the entry that it was given. Raises `Conflict` for a version that is
        not the expected one, and `RuleViolated` with the attributes that are wrong.
        """
        async with self.exclusive:
            before = read()
            self.expect(before, expected_version)
            after = change(before)
            if after is not before:
                await self._write_one(actor, action, after)
            return after

    async def remove(
        self,
        actor: Actor,
        action: str,
        read: Callable[[], DirectoryEntry],
        expected_version: int | None = None,
    ) -> None:
        """Remove the entry that `read` finds. Raises `Conflict`, and `RuleViolated` while others refer to it."""
        async with self.exclusive:
            before = read()
            self.expect(before, expected_version)
            await self.write(actor, action, Removal(type(before), _identity(key_of(before))))

    # Sets of entries; the caller holds `exclusive`

    async def write(self, actor: Actor, action: str, *changes: Change) -> None:
        """Write `changes`, all of them or none, with an audit event for each."""
        await self._store.write(
            *changes,
            beside=[audit_record(self._trail.event_of(actor, action, self._before(it), it)) for it in changes],
        )

    async def write_all(
        self, actor: Actor, action: str, *changes: Change, about: str, account_id: str | None = None
    ) -> None:
        """Write `changes`, all of them or none, with a single audit event that says `about`."""
        event = self._trail.event(actor, action, account_id=account_id, target_name=about)
        await self._store.write(*changes, beside=[audit_record(event)])

    async def _write_one(self, actor: Actor, action: str, entry: DirectoryEntry) -> None:
        with attributes_of(entry):
            await self.write(actor, action, entry)

    def _before(self, change: Change) -> DirectoryEntry | None:
        kind: Any = change.kind if isinstance(change, Removal) else type(change)
        found: DirectoryEntry | None = self._store.directory.get(kind, _identity(change_key(change)))
        return found


@contextmanager
def attributes_of(entry: DirectoryEntry) -> Iterator[None]:
    """Let the problems of one entry name the attribute alone, `name` instead of `trunk:<id>/name`."""
    prefix = key_of(entry).decode() + "/"
    try:
        yield
    except RuleViolated as error:
        raise RuleViolated([(where.removeprefix(prefix), what) for where, what in error.problems]) from None


def _identity(key: bytes) -> str:
    return key.decode().partition(":")[2]
