"""The keys of two days, on disk: about 100 bytes each, a thousand of them written in some 10 ms.

A SQLite file is what the topic says about keys, up to a position in each partition; both change in one transaction.
It is not synced, because it can be made again: after a power cut it counts as lost, and a file that is damaged or was
written by another version does too. Without a file name the system deletes it when the process ends.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from pipeline.errors import ConfigurationError
from pipeline.idempotency.keys import Claim, Keyed, SubmissionOffset, Verdict, follow, judge, keyed_submissions

LAYOUT: Final = 3  # since 3 of committed records only
PURGED_AT_ONCE: Final = 500  # a few milliseconds
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_TABLES: Final = (
    "CREATE TABLE about (boot TEXT, complete_from_ms INTEGER)",
    "CREATE TABLE position (partition INTEGER PRIMARY KEY, next INTEGER, at_ms INTEGER)",
    "CREATE TABLE claim"
    " (name BLOB, place_offset INTEGER, element INTEGER, digest BLOB, at_ms INTEGER, last_at_ms INTEGER)",
    "CREATE INDEX claim_by_name ON claim (name)",
    "CREATE INDEX claim_by_time ON claim (last_at_ms)",
)

log = structlog.get_logger(__name__)


class Position(NamedTuple):
    """How far a partition has been read: the next offset, and the time of the record before it, if there was one."""

    next: int
    at_ms: int | None


class ClaimStore:
    """Claims by key. `complete_from_ms`: every claim that was alive at that time or later is here."""

    def __init__(self, path: Path | None) -> None:
        """Open the file, or make it. Raises `ConfigurationError` when it cannot be used."""
        self._path = path
        self.positions: dict[int, Position] = {}
        self.complete_from_ms: int | None = None
        """None: nothing is known yet."""
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                usable = self._open()
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:
                log.warning("idempotency_store_unreadable", path=str(path), error=str(error))
                usable = False
            if not usable:
                self.discard()
                self._open()
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(
                f"{path} cannot be used (SMSOUT_STATE_DIR; does another process have it?): {error}"
            ) from error

    def _open(self) -> bool:
        """Return whether the file is of use; one that is empty is."""
        self._database = sqlite3.connect(str(self._path or ""), isolation_level=None, timeout=1.0)
        run = self._database.execute
        run("PRAGMA locking_mode=EXCLUSIVE")
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=OFF")
        run("PRAGMA cache_size=-16384")
        run("BEGIN IMMEDIATE")  # from here on the file is ours alone
        (layout,) = run("PRAGMA user_version").fetchone()
        if layout == 0:
            for table in _TABLES:
                run(table)
            run("INSERT INTO about VALUES (?, NULL)", (_boot(),))
            run(f"PRAGMA user_version={LAYOUT}")
        elif layout != LAYOUT or run("SELECT boot FROM about").fetchone() != (_boot(),):
            return False
        (self.complete_from_ms,) = run("SELECT complete_from_ms FROM about").fetchone()
        for partition, offset, at_ms in run("SELECT partition, next, at_ms FROM position"):
            self.positions[partition] = Position(offset, at_ms)
        run("COMMIT")
        return True

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
        self._database.close()

    def discard(self) -> None:
        """Close and delete the file: the next start makes it again."""
        self._database.close()
        if self._path is not None:
            for suffix in ("", "-wal", "-shm", "-journal"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)


def _boot() -> str:
    """Return what changes when the machine starts again, "" where the system does not say."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
