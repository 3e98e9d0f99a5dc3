"""The directory as it would be after a set of changes."""

from collections.abc import Iterator, Sequence

from pipeline.directory.model import Directory
from pipeline.directory.rules.changes import Change, Entry, change_key
from schemas.directory.account import Did
from schemas.directory.trunk import Trunk


class After:
    """`before` is the directory as it is, `changes` are those of the set by their keys."""

    def __init__(self, changes: Sequence[Change], directory: Directory) -> None:
        self.before = directory
        self.changes: dict[str, Change] = {}
        self.repeated: list[str] = []
        """Keys that the set changes more than once."""
        for change in changes:
            key = change_key(change).decode()
            if key in self.changes:
                self.repeated.append(key)
            self.changes[key] = change

    def get(self, model: type[Entry], identity: str) -> Entry | None:
        """Return an entry, None where there will be none."""
        change = self.changes.get(f"{model.__name__.lower()}:{identity}")
        if change is not None:
            return change if type(change) is model else None
        return self.before.get(model, identity)

    def all(self, model: type[Entry]) -> Iterator[Entry]:
        """Iterate over all entries of a kind: those that stay as they are, then those that are changed."""
        kind, attribute = model.__name__.lower(), "number" if model is Did else "id"
        changes = self.changes
        for entry in self.before.entries(model):
            if f"{kind}:{getattr(entry, attribute)}" not in changes:
                yield entry
        yield from self.changed(model)

    def changed(self, model: type[Entry]) -> Iterator[Entry]:
        """Iterate over those of a kind that are changed."""
        return (change for change in self.changes.values() if type(change) is model)

    def trunks_in_service(self) -> Iterator[Trunk]:
        """Iterate over the trunks that are not deleted."""
        return (trunk for trunk in self.all(Trunk) if trunk.deleted_at is None)
