"""A disk that is full: how an error is known for one, and what there is to say of it.

Whatever an agent keeps on disk can be made again from topics. So a full disk costs time: the process ends with words
that name the disk, and begins again until there is room.
"""

import errno
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from pipeline.errors import DiskFull

NO_ROOM_BYTES: Final = 65_536  # with less SQLite can write no page more, and a file system may already say no

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_MAY_BE_FULL: Final = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
_ALONE: Final = (  # nobody else opens it, and there is nothing to roll back to
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA journal_mode=OFF",
    "PRAGMA synchronous=OFF",
    "PRAGMA temp_store=FILE",
)
ADVICE: Final = "make room there; nothing is lost, and it goes on from the topics as soon as there is some"


def temporary_folder() -> Path:
    """Return where SQLite keeps what waits (https://www.sqlite.org/tempfiles.html section 5)."""
    named = [os.environ.get(it, "") for it in ("SQLITE_TMPDIR", "TMPDIR")]
    for it in (*named, "/var/tmp", "/usr/tmp", "/tmp"):  # noqa: S108  # SQLite's own list, in its order
        if it and os.access(it, os.W_OK | os.X_OK) and Path(it).is_dir():
            return Path(it)
    return Path()


def without_room(folders: Iterable[Path]) -> list[Path]:
    """Return those of `folders` on whose disks nothing more can be written."""
    full: list[Path] = []
    for folder in dict.fromkeys(folders):
        try:
            found = os.statvfs(folder)
        except OSError:
            continue
        # Some file systems count no files.
        if found.f_bavail * found.f_frsize < NO_ROOM_BYTES or (found.f_files and not found.f_favail):
            full.append(folder)
    return full


def is_full(error: BaseException | None, folders: Iterable[Path] = ()) -> bool:
    """Tell whether an error is that of a full disk; SQLite does not always say so, and `folders` are looked at then."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    if not isinstance(error, sqlite3.Error):
        return False
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of it says more exactly what went wrong
    return code == sqlite3.SQLITE_FULL or (code in _MAY_BE_FULL and bool(without_room(folders)))


class Database(sqlite3.Connection):
    """A SQLite database that says which disk is full.

    `execute` and `executemany` raise `DiskFull` where its file cannot grow.
    """

    folder: Path | None = None
    """Where the file is; None: where SQLite keeps what ends with its process."""
    content = "what waits"
    """What is kept there, in words."""

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Run a statement."""
        try:
            return super().execute(statement, *values)
        except sqlite3.OperationalError as error:
            raise self._no_room(error) from error

    def executemany(self, statement: str, values: Iterable[Any]) -> sqlite3.Cursor:
        """Run a statement for each of `values`."""
        try:
            return super().executemany(statement, values)
        except sqlite3.OperationalError as error:
            raise self._no_room(error) from error

    def _no_room(self, error: sqlite3.OperationalError) -> Exception:
        folder = self.folder or temporary_folder()
        if not is_full(error, [folder]):
            return error
        setting = "SQLITE_TMPDIR" if self.folder is None else "SMSOUT_STATE_DIR"
        return DiskFull(f"{folder} has no room for {self.content} ({setting} names another folder): {error}")


class TemporaryDatabase(Database):
    """A database of these `tables` that ends with its process.

    What does not find room in a cache of `cache_kib` is in a file, which is never synced and which the system deletes.
    """

    def __init__(self, tables: Sequence[str], cache_kib: int = 16_384) -> None:
        super().__init__("", isolation_level=None)
        for statement in (*_ALONE, f"PRAGMA cache_size=-{cache_kib}", *tables):
            self.execute(statement)
