"""What was cancelled lately, for whoever is about to hand a message to a carrier: on disk, and quick to deny.

A view: all of it is in a topic too, and it is made anew at every start. Most messages are told from a table of bits
that nobody has cancelled them: that costs nothing that could be measured, however much others have cancelled.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple
from zlib import crc32

from pipeline.disk import TemporaryDatabase

MOST_OF_A_TRUNK: Final = 1_000_000
"""Wishes of one trunk that are kept: beyond that its oldest go, and everybody else's stay."""
PURGED_AT_ONCE: Final = 500  # a few milliseconds
_SLOTS: Final = 1 << 20
_TABLES: Final = (
    "CREATE TABLE wish (name TEXT PRIMARY KEY, trunk TEXT, at_ms INTEGER) WITHOUT ROWID",
    "CREATE INDEX by_time ON wish (at_ms)",
    "CREATE INDEX by_trunk ON wish (trunk, at_ms)",
)


class Wished(NamedTuple):
    """That a trunk's message, or all of a bulk, be not sent."""

    trunk_id: str
    id: str
    is_bulk: bool
    at_ms: int


class Cancellations:
    """Wishes by what they are about. None of the calls waits for anything but the disk."""

    def __init__(self) -> None:
        self._database = TemporaryDatabase(_TABLES, cache_kib=8192)
        self._slots = bytearray(_SLOTS)
        self._of_trunk: Counter[str] = Counter()
        self.any = False
        """Whether there are wishes at all."""

    def __len__(self) -> int:
        return self._of_trunk.total()

    def add(self, wishes: Iterable[Wished]) -> None:
        """Take in wishes; of one that is here already the latest counts."""
        run = self._database.execute
        run("BEGIN")
        for it in wishes:
            name = _name(it.trunk_id, it.id, is_bulk=it.is_bulk)
            if run("INSERT OR IGNORE INTO wish VALUES (?, ?, ?)", (name, it.trunk_id, it.at_ms)).rowcount:
                self._of_trunk[it.trunk_id] += 1
                self._slots[crc32(name.encode()) % _SLOTS] = 1
            else:
                run("UPDATE wish SET at_ms = max(at_ms, ?) WHERE name = ?", (it.at_ms, name))
        run("COMMIT")
        self.any = bool(self._of_trunk)
        for trunk_id, count in list(self._of_trunk.items()):
            if count > MOST_OF_A_TRUNK:
                self._drop("trunk = ? ORDER BY at_ms LIMIT ?", trunk_id, count - MOST_OF_A_TRUNK)

    def holds(self, trunk_id: str, message_id: str, bulk_id: str | None) -> bool:
        """Tell whether a message was cancelled, or the bulk that it belongs to."""
        return self._has(_name(trunk_id, message_id, is_bulk=False)) or (
            bulk_id is not None and self._has(_name(trunk_id, bulk_id, is_bulk=True))
        )

    def _has(self, name: str) -> bool:
        if not self._slots[crc32(name.encode()) % _SLOTS]:
            return False
        return self._database.execute("SELECT 1 FROM wish WHERE name = ?", (name,)).fetchone() is not None

    def purge(self, before_ms: int) -> bool:
        """Drop some of what is older; tell whether there may be more."""
        return self._drop("at_ms < ? LIMIT ?", before_ms, PURGED_AT_ONCE) == PURGED_AT_ONCE

    def _drop(self, where: str, *values: object) -> int:
        # The conditions are this class's own text; what they are compared with is bound.
        found = self._database.execute(f"SELECT name, trunk FROM wish WHERE {where}", values).fetchall()  # noqa: S608
        self._database.execute("BEGIN")
        self._database.executemany("DELETE FROM wish WHERE name = ?", [(name,) for name, _ in found])
        self._database.execute("COMMIT")
        self._of_trunk.subtract(trunk for _, trunk in found)
        self._of_trunk = +self._of_trunk
        self.any = bool(self._of_trunk)
        if found and not self.any:
            self._slots = bytearray(_SLOTS)  # bits are only ever set: now is the time to forget them
        return len(found)

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _name(trunk_id: str, identity: str, *, is_bulk: bool) -> str:
    return f"{trunk_id}/{'bulk/' if is_bulk else ''}{identity}"
