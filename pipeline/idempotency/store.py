"""The keys of two days, on disk: about 100 bytes each, a thousand of them written in some 10 ms.

A file is what the topic says about keys, up to a position in each partition; both change in one transaction.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from pipeline.idempotency.keys import Claim, Keyed, SubmissionOffset, Verdict, follow, judge, keyed_submissions
from pipeline.state_file import Layout, StateFile, boot_id

LAYOUT: Final = 3  # since 3 of committed records only
PURGED_AT_ONCE: Final = 500  # a few milliseconds
_TABLES: Final = (
    "CREATE TABLE about (boot TEXT, complete_from_ms INTEGER)",
    "CREATE TABLE position (partition INTEGER PRIMARY KEY, next INTEGER, at_ms INTEGER)",
    "CREATE TABLE claim"
    " (name BLOB, place_offset INTEGER, element INTEGER, digest BLOB, at_ms INTEGER, last_at_ms INTEGER)",
    "CREATE INDEX claim_by_name ON claim (name)",
    "CREATE INDEX claim_by_time ON claim (last_at_ms)",
)


class Position(NamedTuple):
    """How far a partition has been read: the next offset, and the time of the record before it, if there was one."""

    next: int
    at_ms: int | None


class ClaimStore:
    """Claims by key. `complete_from_ms`: every claim that was alive at that time or later is here."""

    def __init__(self, path: Path | None) -> None:
        """Open the file, or make it. Raises `ConfigurationError` when it cannot be used, `DiskFull` without room."""
        self.positions: dict[int, Position] = {}
        self.complete_from_ms: int | None = None
        """None: nothing is known yet."""
        layout = Layout(LAYOUT, _TABLES, "the Idempotency-Keys", "idempotency_store_unreadable")
        self._file = StateFile(path, layout, _make, self._take_up)
        self._database = self._file.database

    def _take_up(self, database: sqlite3.Connection) -> bool:
        boot, self.complete_from_ms = database.execute("SELECT boot, complete_from_ms FROM about").fetchone()
        found = database.execute("SELECT partition, next, at_ms FROM position").fetchall()
        self.positions = {partition: Position(offset, at_ms) for partition, offset, at_ms in found}
        return bool(boot == boot_id())

    def apply(self, partition: int, offset: int, at_ms: int, value: bytes | None) -> None:
        """Take in a record of `sms.mt.submitted`; one that was taken in before changes nothing."""
        known = self.positions.get(partition)
        if known is not None and offset < known.next:
            return
        for keyed in keyed_submissions(partition, offset, at_ms, value):
            self._take(keyed)
        self.pass_over(partition, offset, at_ms)

    def pass_over(self, partition: int, offset: int, at_ms: int) -> None:
        """Note that a record has been read, whatever has been taken of it."""
        self.positions[partition] = Position(offset + 1, at_ms)

    def _take(self, keyed: Keyed) -> None:
        if not self._database.in_transaction:
            self._database.execute("BEGIN")
        before = self.latest(keyed.name)
        after = follow(before, keyed)
        if before is not None and after.submission == before.submission:
            self._database.execute(
                "UPDATE claim SET last_at_ms = ? WHERE name = ? AND place_offset = ? AND element = ?",
                (after.last_at_ms, keyed.name, *after.submission),
            )
        else:
            self._database.execute(
                "INSERT INTO claim VALUES (?, ?, ?, ?, ?, ?)",
                (keyed.name, *after.submission, after.digest, after.at_ms, after.last_at_ms),
            )

    def latest(self, name: bytes, up_to: SubmissionOffset | None = None) -> Claim | None:
        """Return the latest claim of a key, or the latest one up to a submission."""
        offset, element = up_to or (1 << 62, 0)
        row = self._database.execute(
            "SELECT place_offset, element, digest, at_ms, last_at_ms FROM claim"
            " WHERE name = ? AND (place_offset, element) <= (?, ?)"
            " ORDER BY place_offset DESC, element DESC LIMIT 1",
            (name, offset, element),
        ).fetchone()
        return None if row is None else Claim(SubmissionOffset(row[0], row[1]), row[2], row[3], row[4])

    def judge(self, keyed: Keyed) -> Verdict | None:
        """Return what a submission that has been taken in is; None when its claim is not here."""
        claim = self.latest(keyed.name, keyed.submission)
        return None if claim is None else judge(claim, keyed)

    def save(self) -> None:
        """Make durable, together, what has been taken in and the positions."""
        run = self._database.execute
        if not self._database.in_transaction:
            run("BEGIN")
        self._database.executemany(
            "INSERT OR REPLACE INTO position VALUES (?, ?, ?)",
            [(partition, *position) for partition, position in self.positions.items()],
        )
        run("COMMIT")

    def begin_anew(self, positions: Mapping[int, int], complete_from_ms: int) -> None:
        """Forget everything; reading begins at `positions` (the next offset by partition)."""
        run = self._database.execute
        run("BEGIN")
        run("DELETE FROM claim")
        run("DELETE FROM position")
        run("UPDATE about SET complete_from_ms = ?", (complete_from_ms,))
        self.positions = {partition: Position(offset, None) for partition, offset in positions.items()}
        self.complete_from_ms = complete_from_ms
        self.save()

    def purge(self, before_ms: int) -> int:
        """Drop some of the claims that have not been used since `before_ms`; return how many they were."""
        if before_ms > (self.complete_from_ms or 0):
            self.complete_from_ms = before_ms
            self._database.execute("UPDATE about SET complete_from_ms = ?", (before_ms,))
        return self._database.execute(
            "DELETE FROM claim WHERE rowid IN (SELECT rowid FROM claim WHERE last_at_ms < ? LIMIT ?)",
            (before_ms, PURGED_AT_ONCE),
        ).rowcount

    def __len__(self) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM claim").fetchone()
        return int(count)

    def close(self) -> None:
        """Close the file; what has not been saved is read again."""
        self._file.close()

    def discard(self) -> None:
        """Close and delete the file: the next start makes it again."""
        self._file.discard()


def _make(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO about VALUES (?, NULL)", (boot_id(),))
