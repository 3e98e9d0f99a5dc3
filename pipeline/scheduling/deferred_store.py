"""What waits for its time and what was cancelled, on disk: a million messages cost no memory.

A file is what the scheduler's topic says, up to a position in each partition; both change in one transaction. So a
start reads only what has come since. One that was left for longer than the topic tells of what has gone is lost.
"""

import sqlite3
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from pipeline.scheduling.deferred_row import Gone, KeyedRecord, Name, Waiting, Wish, read
from pipeline.state_file import Layout, StateFile, boot_id

LAYOUT: Final = 1
TRUSTED_SECONDS: Final = 3600.0
"""For so long a file may have been left: the topic tells for a day what has gone (schemas/topics.py)."""
_BY_TIME: Final = "CREATE INDEX waiting_by_time ON waiting (trunk, due_ms) WHERE canceled IS NULL"
_TABLES: Final = (
    "CREATE TABLE about (boot TEXT, left_at REAL, is_whole INTEGER)",
    "CREATE TABLE position (part INTEGER PRIMARY KEY, next INTEGER)",
    "CREATE TABLE trunk (number INTEGER PRIMARY KEY, id BLOB UNIQUE)",
    "CREATE TABLE waiting (row INTEGER PRIMARY KEY, name BLOB, bulk BLOB, part INTEGER, trunk INTEGER, due_ms INTEGER,"
    " canceled INTEGER, value BLOB)",
    "CREATE UNIQUE INDEX waiting_by_name ON waiting (name)",
    _BY_TIME,
    "CREATE INDEX waiting_by_bulk ON waiting (bulk) WHERE bulk IS NOT NULL",
    "CREATE INDEX waiting_canceled ON waiting (row) WHERE canceled IS NOT NULL",
    "CREATE TABLE wish (name BLOB, is_bulk INTEGER, part INTEGER, until_ms INTEGER, PRIMARY KEY (name, is_bulk))"
    " WITHOUT ROWID",
    "CREATE INDEX wish_by_end ON wish (until_ms)",
)
_COLUMNS: Final = "part, trunk, due_ms, name, value"
_INSERT: Final = (
    "INSERT OR IGNORE INTO waiting (name, bulk, part, trunk, due_ms, canceled, value) VALUES (?, ?, ?, ?, ?, ?, ?)"
)

log = structlog.get_logger(__name__)


class Held(NamedTuple):
    """A message that waits; `value` is its record's (`Deferred`)."""

    partition: int
    trunk: int
    due_ms: int
    name: Name
    value: bytes


class Remembered(NamedTuple):
    """A wish that something be cancelled."""

    partition: int
    name: Name
    is_bulk: bool


class DeferredStore:
    """A view of the partitions that are ours. None of the calls waits for anything but the disk."""

    def __init__(self, path: Path | None) -> None:
        """Open the file, or make it. Raises `ConfigurationError` when it cannot be used, `DiskFull` without room."""
        self.positions: dict[int, int] = {}
        """The next offset to read, by partition."""
        self.waiting = 0
        self._wishes = 0
        self._trunks: dict[bytes, int] = {}
        self._next_due: dict[int, int] = {}
        """When the first message of each trunk is due; those that were not served lately come first."""
        self._leaving: set[Name] = set()
        self._is_anew = False
        layout = Layout(LAYOUT, _TABLES, "what is scheduled", "scheduler_store_unreadable")
        self._file = StateFile(path, layout, _make, self._take_up)

    def _take_up(self, database: sqlite3.Connection) -> bool:
        self._database = database
        boot, left_at, is_whole = database.execute("SELECT boot, left_at, is_whole FROM about").fetchone()
        if not is_whole or boot != boot_id() or not 0 <= _uptime() - left_at < TRUSTED_SECONDS:
            return False
        self._learn()
        return True

    def _learn(self) -> None:
        """Find out what is kept in memory: a few numbers for each partition and trunk."""
        run = self._database.execute
        self.positions = dict(run("SELECT part, next FROM position"))
        self._trunks = {bytes(identity): number for number, identity in run("SELECT number, id FROM trunk")}
        (self.waiting,) = run("SELECT count(*) FROM waiting").fetchone()
        (self._wishes,) = run("SELECT count(*) FROM wish").fetchone()
        first = "SELECT trunk, min(due_ms) FROM waiting WHERE canceled IS NULL GROUP BY trunk"
        self._next_due = dict(run(first))
        self._leaving.clear()

    # What the topic says.

    def begin_anew(self, partitions: Collection[int]) -> None:
        """Forget what is known of these partitions. Much may follow, and is taken in at once; `end_anew` ends that.

        Until then nothing is known of what is due. A process that dies in between leaves a file that is of no use.
        """
        self._forget(self.positions.keys() & partitions)
        if self._is_anew:
            return
        run = self._database.execute
        run("UPDATE about SET is_whole = 0")
        run("PRAGMA journal_mode=OFF")
        # Messages come in no order of their times: to sort them at the end takes a quarter of what the inserts would.
        run("DROP INDEX waiting_by_time")
        self._is_anew = True

    def end_anew(self) -> None:
        """Find what is due, and be careful again, if `begin_anew` was not."""
        if not self._is_anew:
            return
        run = self._database.execute
        run(_BY_TIME)
        run("PRAGMA journal_mode=WAL")
        run("UPDATE about SET is_whole = 1")
        self._is_anew = False
        self._learn()

    def keep_only(self, partitions: Collection[int]) -> None:
        """Forget what is known of all other partitions: while much is taken in, of all if there are others."""
        others = self.positions.keys() - partitions
        # To read ours once more is quicker than to pick out what is another's, and does not hold up the process.
        self._forget(self.positions.keys() if others and self._is_anew else others)

    def _forget(self, partitions: Collection[int]) -> None:
        if not partitions:
            return
        # Without a condition SQLite drops a table's pages, and does not look at them.
        where = f" WHERE part IN ({','.join(map(str, partitions))})" if self.positions.keys() - partitions else ""
        run = self._database.execute
        run("BEGIN")
        for table in ("waiting", "wish", "position"):
            run(f"DELETE FROM {table}{where}")  # noqa: S608  # numbers of our own
        run("COMMIT")
        self._learn()

    def apply(self, records: Sequence[KeyedRecord]) -> None:
        """Take in records of the topic, in the order of their partitions."""
        run = self._database.execute
        run("BEGIN")
        messages: list[tuple[Waiting, int]] = []  # those that follow each other are written at once
        for record in records:
            self.positions[record.partition] = record.offset + 1
            try:
                row = read(record)
            except ValueError as error:  # nobody but the scheduler writes there
                log.error("deferred_unreadable", partition=record.partition, offset=record.offset, error=str(error))
                continue
            if isinstance(row, Waiting):
                messages.append((row, record.partition))
                continue
            self._apply_waiting(messages)
            messages.clear()
            if isinstance(row, Wish):
                self._apply_wish(row, record.partition)
            else:
                self._apply_gone(row)
        self._apply_waiting(messages)
        self._database.executemany("INSERT OR REPLACE INTO position VALUES (?, ?)", list(self.positions.items()))
        run("UPDATE about SET left_at = ?", (_uptime(),))
        run("COMMIT")

    def _apply_waiting(self, rows: Iterable[tuple[Waiting, int]]) -> None:
        """Add messages: one that is here already stays as it is, and one that has just left does not come back."""
        values = []
        for row, partition in rows:
            if row.name in self._leaving:
                continue
            trunk = self._trunk_of(row.name)
            is_canceled = 1 if self._wishes and self._is_wished(row) else None
            values.append((row.name, row.bulk, partition, trunk, row.due_ms, is_canceled, row.value))
            if is_canceled is None and row.due_ms < self._next_due.get(trunk, row.due_ms + 1):
                self._next_due[trunk] = row.due_ms
        self.waiting += self._database.executemany(_INSERT, values).rowcount if values else 0

    def _trunk_of(self, name: Name) -> int:
        identity = name[:16]
        number = self._trunks.get(identity)
        if number is None:
            cursor = self._database.execute("INSERT INTO trunk (id) VALUES (?)", (identity,))
            number = self._trunks[identity] = cursor.lastrowid or 0
        return number

    def _is_wished(self, row: Waiting) -> bool:
        found = self._database.execute(
            "SELECT 1 FROM wish WHERE (name = ? AND is_bulk = 0) OR (name = ? AND is_bulk = 1)", (row.name, row.bulk)
        ).fetchone()
        return found is not None

    def _apply_wish(self, wish: Wish, partition: int) -> None:
        run = self._database.execute
        values = (wish.name, wish.is_bulk, partition, wish.until_ms)
        self._wishes += run("INSERT OR IGNORE INTO wish VALUES (?, ?, ?, ?)", values).rowcount
        column = "bulk" if wish.is_bulk else "name"
        run(f"UPDATE waiting SET canceled = 1 WHERE {column} = ?", (wish.name,))  # noqa: S608  # one of two words
        if (trunk := self._trunks.get(wish.name[:16])) is not None:
            self._find_next_due(trunk)

    def _apply_gone(self, gone: Gone) -> None:
        run = self._database.execute
        if gone.is_wish:
            self._wishes -= run("DELETE FROM wish WHERE name = ? AND is_bulk = ?", (gone.name, gone.is_bulk)).rowcount
            return
        self._leaving.discard(gone.name)
        count = run("DELETE FROM waiting WHERE name = ?", (gone.name,)).rowcount
        if count:
            self.waiting -= count
            self._find_next_due(self._trunk_of(gone.name))

    # What is to be done.

    def due(self, now_ms: int, count: int) -> list[Held]:
        """Return up to `count` messages whose time has come: of each trunk the longest due, of all trunks alike."""
        trunks = [trunk for trunk, due_ms in self._next_due.items() if due_ms <= now_ms]
        found: list[Held] = []
        for served, trunk in enumerate(trunks):
            share = -(-(count - len(found)) // (len(trunks) - served))
            if share <= 0:
                break
            where = "trunk = ? AND due_ms <= ? AND canceled IS NULL ORDER BY due_ms, row LIMIT ?"
            found += self._held(where, trunk, now_ms, share)
            self._next_due.pop(trunk)
            self._find_next_due(trunk)  # behind the others
        return found

    def canceled(self, count: int) -> list[Held]:
        """Return up to `count` messages that were cancelled while they waited."""
        return self._held("canceled IS NOT NULL ORDER BY row LIMIT ?", count)

    def over(self, now_ms: int, count: int) -> list[Remembered]:
        """Return up to `count` wishes that need not be remembered any longer."""
        query = "SELECT part, name, is_bulk FROM wish WHERE until_ms <= ? ORDER BY until_ms LIMIT ?"
        return [
            Remembered(part, name, bool(is_bulk))
            for part, name, is_bulk in self._database.execute(query, (now_ms, count))
        ]

    def left(self, messages: Iterable[Held], wishes: Iterable[Remembered] = ()) -> None:
        """Note that messages have been handed on and wishes forgotten, and that the topic says so.

        Until that is read back, what comes under the name of one of the messages is a repetition of it.
        """
        run = self._database.execute
        run("BEGIN")
        trunks = set()
        for it in messages:
            self._leaving.add(it.name)
            self.waiting -= run("DELETE FROM waiting WHERE name = ?", (it.name,)).rowcount
            trunks.add(it.trunk)
        for wish in wishes:
            values = (wish.name, wish.is_bulk)
            self._wishes -= run("DELETE FROM wish WHERE name = ? AND is_bulk = ?", values).rowcount
        run("COMMIT")
        for trunk in trunks:
            self._find_next_due(trunk)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known that will ever be due, cancelled or over."""
        return self._is_anew or (not self.waiting and not self._wishes)

    @property
    def leaving(self) -> int:
        """How many have been handed on of which that has not been read back."""
        return len(self._leaving)

    def first_due_ms(self) -> int | None:
        """Return when the first message is due; None when none waits, or that is not known yet."""
        return None if self._is_anew else min(self._next_due.values(), default=None)

    def _find_next_due(self, trunk: int) -> None:
        if self._is_anew:  # there is no index, and `end_anew` learns all of it
            return
        query = "SELECT due_ms FROM waiting WHERE trunk = ? AND canceled IS NULL ORDER BY due_ms LIMIT 1"
        first = self._database.execute(query, (trunk,)).fetchone()
        if first is None:
            self._next_due.pop(trunk, None)
        else:
            self._next_due[trunk] = first[0]

    def _held(self, where: str, *values: object) -> list[Held]:
        # The conditions are this class's own text; what they are compared with is bound.
        query = f"SELECT {_COLUMNS} FROM waiting WHERE {where}"  # noqa: S608
        return [Held(*row) for row in self._database.execute(query, values)]

    def close(self) -> None:
        """Close the file; the next start goes on with it."""
        if not self._is_anew:  # else it is of no use, and may be damaged where the disk was full
            self._database.execute("UPDATE about SET left_at = ?", (_uptime(),))
        self._file.close()


def _make(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO about VALUES (?, ?, 1)", (boot_id(), _uptime()))


def _uptime() -> float:
    """Return the seconds since the machine was started: no clock that anybody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
