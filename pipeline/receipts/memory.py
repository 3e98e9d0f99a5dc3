"""What is known of everything whose receipts are awaited or have lately come, on disk.

A view: all of it is in a compacted topic too, and it is made anew whenever partitions are assigned.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Generic, NamedTuple, Protocol, Self, TypeVar

import structlog
from pydantic import ValidationError

from pipeline.disk import TemporaryDatabase

log = structlog.get_logger(__name__)


class Remembered(Protocol):
    """A record that says when something is due about it."""

    @property
    def due_at(self) -> datetime:
        """When that is."""

    def to_bytes(self) -> bytes:
        """Return it as its topic holds it."""

    @classmethod
    def from_bytes(cls, value: bytes) -> Self:
        """Read it. Raises `ValidationError`."""


Known = TypeVar("Known", bound=Remembered)

_TABLES: Final = (
    "CREATE TABLE known (key BLOB PRIMARY KEY, part INTEGER, due_ms INTEGER, value BLOB) WITHOUT ROWID",
    "CREATE INDEX by_due ON known (due_ms)",
)


class Kept(NamedTuple, Generic[Known]):
    """What is known under a key, and the partition that it belongs to; None: nothing any more."""

    partition: int
    key: bytes
    known: Known | None


class Memory(Generic[Known]):
    """What is known, by the key of its topic. None of the calls waits for anything but the disk."""

    def __init__(self, model: type[Known]) -> None:
        self._model = model
        self._database = TemporaryDatabase(_TABLES)
        self._count = 0

    def get(self, key: bytes) -> Known | None:
        """Return what is known under a key."""
        row = self._database.execute("SELECT value FROM known WHERE key = ?", (key,)).fetchone()
        return None if row is None else self._model.from_bytes(row[0])

    def keep(self, changes: Iterable[Kept[Known]]) -> None:
        """Take in what is known now."""
        run = self._database.execute
        run("BEGIN")
        for partition, key, known in changes:
            if known is None:
                self._count -= run("DELETE FROM known WHERE key = ?", (key,)).rowcount
                continue
            row = (partition, _milliseconds(known.due_at), known.to_bytes(), key)
            if not run("UPDATE known SET part = ?, due_ms = ?, value = ? WHERE key = ?", row).rowcount:
                run("INSERT INTO known (part, due_ms, value, key) VALUES (?, ?, ?, ?)", row)
                self._count += 1
        run("COMMIT")

    def read_back(self, records: Iterable[tuple[int, bytes, bytes | None]]) -> None:
        """Take in partition, key and value of what its topic holds; what cannot be read leaves what was known."""
        found: list[Kept[Known]] = []
        for partition, key, value in records:
            try:
                found.append(Kept(partition, key, None if value is None else self._model.from_bytes(value)))
            except ValidationError as error:  # nobody but the receipts agent writes there
                log.error("memory_unreadable", partition=partition, key=key, error=str(error))
        self.keep(found)

    def due(self, now: datetime, count: int) -> list[Kept[Known]]:
        """Return up to `count` of which something is due, the longest due first."""
        found = self._database.execute(
            "SELECT part, key, value FROM known WHERE due_ms <= ? ORDER BY due_ms LIMIT ?",
            (_milliseconds(now), count),
        )
        return [Kept(part, key, self._model.from_bytes(value)) for part, key, value in found]

    def forget_all(self) -> None:
        """Drop everything: partitions go or come anew."""
        self._database.execute("DELETE FROM known")
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
