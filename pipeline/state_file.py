"""What a topic says, up to a position in each partition, in a SQLite file that a process goes on with after another.

It is not synced, because it can be made again: after a power cut it counts as lost, and a file that is damaged or was
written by another version does too. Without a path the system deletes it when the process ends.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from pipeline.disk import Database, is_full, temporary_folder
from pipeline.errors import ConfigurationError, DiskFull

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")

log = structlog.get_logger(__name__)


class Layout(NamedTuple):
    """What is in a file: `version` of the `tables`, `content` in words, and the event when it cannot be read."""

    version: int
    tables: Sequence[str]
    content: str
    unreadable: str


class StateFile:
    """A file of one `layout` that is this process's alone. Who writes to it gets `DiskFull` where there is no room.

    `make` puts into a new one what its tables begin with. `take_up` learns what is in the file and tells whether it is
    of use; one that is not, or cannot be read, is made anew. Both run in the transaction in which it is opened.
    """

    def __init__(
        self,
        path: Path | None,
        layout: Layout,
        make: Callable[[sqlite3.Connection], None],
        take_up: Callable[[sqlite3.Connection], bool],
    ) -> None:
        """Open the file, or make it. Raises `ConfigurationError` when it cannot be used, `DiskFull` without room."""
        self._path = path
        self._layout = layout
        self._make = make
        self._take_up = take_up
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.database = self._opened()
        except (OSError, sqlite3.Error) as error:
            folder = temporary_folder() if path is None else path.parent
            if is_full(error, [folder]):
                raise DiskFull(f"{folder} has no room for {layout.content}") from error
            raise ConfigurationError(
                f"{path} cannot be used (SMSOUT_STATE_DIR; does another process have it?): {error}"
            ) from error

    def _opened(self) -> sqlite3.Connection:
        try:
            found = self._open()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            log.warning(self._layout.unreadable, path=str(self._path), error=str(error))
            found = None
        if found is None:
            self._delete()
            found = self._open()
        if found is None:
            raise sqlite3.DatabaseError("a file that has just been made is of no use")
        return found

    def _open(self) -> sqlite3.Connection | None:
        """Return the file, None when it is of no use."""
        database = sqlite3.connect(str(self._path or ""), isolation_level=None, timeout=1.0, factory=Database)
        database.folder = None if self._path is None else self._path.parent
        database.content = self._layout.content
        try:
            is_usable = self._set_up(database)
        except (sqlite3.Error, DiskFull):
            database.close()  # whoever tries again would find the file locked, by nobody else
            raise
        if is_usable:
            return database
        database.close()
        return None

    def _set_up(self, database: sqlite3.Connection) -> bool:
        run, layout = database.execute, self._layout
        run("PRAGMA locking_mode=EXCLUSIVE")
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=OFF")
        run("PRAGMA cache_size=-16384")
        run("BEGIN IMMEDIATE")  # from here on the file is ours alone
        (version,) = run("PRAGMA user_version").fetchone()
        if version == 0:
            for table in layout.tables:
                run(table)
            self._make(database)
            run(f"PRAGMA user_version={layout.version}")
        elif version != layout.version:
            return False
        if not self._take_up(database):
            return False
        run("COMMIT")
        return True

    def close(self) -> None:
        """Close the file; the next start goes on with it."""
        self.database.close()

    def discard(self) -> None:
        """Close and delete the file: the next start makes it again."""
        self.database.close()
        self._delete()

    def _delete(self) -> None:
        if self._path is not None:
            for suffix in ("", "-wal", "-shm", "-journal"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)


def boot_id() -> str:
    """Return what changes when the machine starts again, "" where the system does not say."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
