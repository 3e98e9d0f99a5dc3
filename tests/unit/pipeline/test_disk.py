"""How a full disk is known, and which folder it is."""

import errno
import sqlite3
from pathlib import Path

import pytest

from pipeline import disk
from pipeline.disk import TemporaryDatabase, is_full, temporary_folder, without_room
from pipeline.errors import DiskFull


def saying(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("something")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError(errno.EIO, "Input/output error"), False),
        (saying(sqlite3.SQLITE_FULL), True),
        (saying(sqlite3.SQLITE_IOERR_WRITE), False),
        (saying(sqlite3.SQLITE_BUSY), False),
        (RuntimeError("database or disk is full"), False),
        (None, False),
    ],
)
def test_an_error_says_it_or_does_not(error: BaseException | None, full: bool) -> None:
    """By its number, never by its words."""
    assert is_full(error) is full


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_CANTOPEN])
def test_where_sqlite_does_not_say_the_disk_does(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be made, for example."""
    assert not is_full(saying(code), [tmp_path])
    monkeypatch.setattr(disk, "NO_ROOM_BYTES", 1 << 62)
    assert is_full(saying(code), [tmp_path])
    assert without_room([tmp_path, tmp_path, tmp_path / "not there"]) == [tmp_path]


def test_the_temporary_folder_is_sqlites_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of those that are named, and that is there."""
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path / "not there"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert temporary_folder() == tmp_path


@pytest.mark.parametrize("many", [False, True])
def test_a_temporary_database_names_its_folder(many: bool) -> None:
    """Every other error stays what it is."""
    database = TemporaryDatabase(["CREATE TABLE t (x BLOB)", "PRAGMA max_page_count=4"])
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        database.execute("SELECT 1 FROM nowhere")
    fill = "INSERT INTO t VALUES (zeroblob(?))"
    with pytest.raises(DiskFull, match=f"{temporary_folder()} has no room for what waits"):
        _ = database.executemany(fill, [(4000,)] * 10) if many else database.execute(fill, (1_000_000,))
    database.close()
