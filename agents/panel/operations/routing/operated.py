"""What operators can do with entries that nobody else knows of, whatever kind they are."""

from abc import ABC, abstractmethod
from collections.abc import Container, Mapping
from typing import Generic, TypeVar

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes, attributes_of
from pipeline.directory.rules.check import check
from pipeline.errors import RuleViolated
from schemas.directory.carrier import Carrier, Profile
from schemas.directory.route import Route

Entry = TypeVar("Entry", Carrier, Profile, Route)
Settings = TypeVar("Settings", bound=Mapping[str, object])


class OperatedEntries(ABC, Generic[Entry, Settings]):
    """The entries of one kind. `Settings` is what can be set of one; what is left out stays, or takes its default."""

    def __init__(self, access: Access, changes: Changes, kind: type[Entry]) -> None:
        self._access = access
        self._changes = changes
        self._kind: type[Entry] = kind
        self._noun = kind.__name__.lower()

    @abstractmethod
    def _blank(self) -> Entry:
        """Return a new entry with an id, and nothing else."""

    def _changed(self, entry: Entry, settings: Settings) -> Entry:
        """Return an entry with other settings."""
        return entry.model_copy(update=dict(settings))

    def get(self, actor: Actor, identity: str) -> tuple[Entry, int]:
        """Return an entry and its version. Raises `NotFound`."""
        actor.must(Permission.OPERATE)
        entry = self._access.seen(actor, self._access.directory.get(self._kind, identity), self._noun)
        return entry, self._changes.version(entry)

    def problems(
        self, actor: Actor, settings: Settings, identity: str | None = None, besides: Container[str] = ()
    ) -> list[tuple[str, str]]:
        """Return what would be wrong with an entry of these settings, without writing it; `besides` is known already.

        A form that cannot be read whole tells with its own problems those of the rest.
        """
        actor.must(Permission.OPERATE)
        before = self._blank() if identity is None else self.get(actor, identity)[0]
        try:
            entry = self._changed(before, settings)
            with attributes_of(entry):
                check([entry], self._access.directory)
        except RuleViolated as error:
            return [(where, what) for where, what in error.problems if where.partition("/")[0] not in besides]
        return []

    async def create(self, actor: Actor, settings: Settings) -> tuple[Entry, int]:
        """Create an entry; return it and its version. Raises `RuleViolated`."""
        actor.must(Permission.OPERATE)
        entry = self._changed(self._blank(), settings)
        await self._changes.create(actor, f"{self._noun}.created", entry)
        return self.get(actor, entry.id)

    async def update(
        self, actor: Actor, identity: str, settings: Settings, expected_version: int | None = None
    ) -> tuple[Entry, int]:
        """Change an entry; return it and its new version. Raises `Conflict` and `RuleViolated`."""
        await self._changes.update(
            actor,
            f"{self._noun}.updated",
            lambda: self.get(actor, identity)[0],
            lambda it: self._changed(it, settings),
            expected_version,
        )
        return self.get(actor, identity)

    async def delete(self, actor: Actor, identity: str, expected_version: int | None = None) -> None:
        """Remove an entry. Raises `RuleViolated` while others refer to it."""
        await self._changes.remove(
            actor, f"{self._noun}.removed", lambda: self.get(actor, identity)[0], expected_version
        )
