"""What is known of every message whose receipts are awaited or have lately come, on disk.

A SQLite file that is a view: all of it is in the topic `sms.dlr.gathered` too, and it is made anew whenever partitions
are assigned. So it is never synced, and without a file name the system deletes it when the process ends.
"""

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from schemas.roll_up import RollUp

_TABLES: Final = (
    "CREATE TABLE known (message BLOB PRIMARY KEY, part INTEGER, due_ms INTEGER, value BLOB) WITHOUT ROWID",
    "CREATE INDEX by_due ON known (due_ms)",
)


class Kept(NamedTuple):
    """What is known of a message, and the partition that it belongs to; None: nothing any more."""

    partition: int
    message_id: str
    known: RollUp | None


class Memory:
    """Roll-ups by message id. None of the calls waits for anything but the disk."""

    def __init__(self, path: Path | None = None) -> None:
        self._database = sqlite3.connect(str(path or ""), isolation_level=None)
        run = self._database.execute
        run("PRAGMA locking_mode=EXCLUSIVE")
        run("PRAGMA journal_mode=OFF")
        run("PRAGMA synchronous=OFF")
        run("PRAGMA cache_size=-16384")
        for table in _TABLES:
            run(table)
        self._count = 0

    def get(self, message_id: str) -> RollUp | None:
        """Return what is known of a message."""
        row = self._database.execute("SELECT value FROM known WHERE message = ?", (message_id.encode(),)).fetchone()
        return None if row is None else RollUp.from_bytes(row[0])

    def keep(self, changes: Iterable[Kept]) -> None:
        """Take in what is known now."""
        run = self._database.execute
        run("BEGIN")
        for partition, message_id, known in changes:
            key = message_id.encode()
            if known is None:
                self._count -= run("DELETE FROM known WHERE message = ?", (key,)).rowcount
                continue
            row = (partition, _milliseconds(known.due_at), known.to_bytes(), key)
            if not run("UPDATE known SET part = ?, due_ms = ?, value = ? WHERE message = ?", row).rowcount:
                run("INSERT INTO known (part, due_ms, value, message) VALUES (?, ?, ?, ?)", row)
                self._count += 1
        run("COMMIT")

    def due(self, now: datetime, count: int) -> list[Kept]:
        """Return up to `count` messages of which something is due, the longest due first."""
        found = self._database.execute(
            "SELECT part, message, value FROM known WHERE due_ms <= ? ORDER BY due_ms LIMIT ?",
            (_milliseconds(now), count),
        )
        return [Kept(part, message.decode(), RollUp.from_bytes(value)) for part, message, value in found]

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
