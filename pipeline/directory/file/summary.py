"""What a plan comes to, in words."""

from collections import Counter
from collections.abc import Iterable

from pipeline.directory.file.wanted import KIND_NAMES
from pipeline.directory.model import Directory
from pipeline.directory.rules.changes import Change, Removal, change_key
from schemas.directory.entry import DirectoryEntry
from schemas.directory.trunk import Trunk


def summary(changes: Iterable[Change], directory: Directory) -> list[str]:
    """Return how many entries of each kind are created, changed and deleted."""
    counts: Counter[tuple[type[DirectoryEntry], str]] = Counter()
    for change in changes:
        kind = change.kind if isinstance(change, Removal) else type(change)
        before = before_of(change, directory)
        deleted = isinstance(change, Removal) or (
            isinstance(change, Trunk)
            and isinstance(before, Trunk)
            and change.deleted_at is not None
            and before.deleted_at is None
        )
        counts[kind, "deleted" if deleted else "created" if before is None else "changed"] += 1
    return [
        f"{count} {names[count > 1]} {what}"
        for kind, names in KIND_NAMES.items()
        for what in ("created", "changed", "deleted")
        if (count := counts[kind, what])
    ]


def before_of(change: Change, directory: Directory) -> DirectoryEntry | None:
    """Return what is in the directory of what a change writes."""
    kind = change.kind if isinstance(change, Removal) else type(change)
    return directory.get(kind, change_key(change).decode().partition(":")[2])  # type: ignore[type-var]
