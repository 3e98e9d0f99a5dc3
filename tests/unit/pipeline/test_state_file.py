"""A file of state: taken up as it was left, made anew where it is of no use, and open to whoever comes next."""

import sqlite3
from pathlib import Path

import pytest

from pipeline.disk import temporary_folder
from pipeline.errors import ConfigurationError, DiskFull
from pipeline.state_file import Layout, StateFile

LAYOUT = Layout(1, ("CREATE TABLE about (word TEXT)",), "words", "words_unreadable")


def opened(path: Path | None, layout: Layout = LAYOUT, *, of_use: bool = True) -> tuple[StateFile, list[str]]:
    words: list[str] = []

    def make(database: sqlite3.Connection) -> None:
        database.execute("INSERT INTO about VALUES ('new')")

    def take_up(database: sqlite3.Connection) -> bool:
        words[:] = [word for (word,) in database.execute("SELECT word FROM about")]
        return of_use or words == ["new"]

    return StateFile(path, layout, make, take_up), words


def test_what_was_left_is_taken_up(tmp_path: Path) -> None:
    """As long as it is of use; without a path nothing is left."""
    file, words = opened(tmp_path / "folder" / "file")
    file.database.execute("UPDATE about SET word = 'old'")
    file.close()
    file, again = opened(tmp_path / "folder" / "file")
    file.close()
    file, anew = opened(tmp_path / "folder" / "file", of_use=False)
    file.close()
    assert (words, again, anew, opened(None)[1]) == (["new"], ["old"], ["new"], ["new"])


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100], ids=["empty", "damaged"])
def test_what_cannot_be_read_is_made_anew(tmp_path: Path, content: bytes) -> None:
    """And so is what another version has written, or what was discarded."""
    path = tmp_path / "file"
    path.write_bytes(content)
    for layout in (LAYOUT, LAYOUT._replace(version=2)):
        file, words = opened(path, layout)
        assert words == ["new"]
        file.database.execute("UPDATE about SET word = 'old'")
        file.close()
    file, words = opened(path, LAYOUT._replace(version=2))
    assert words == ["old"]
    file.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_one_process_alone(tmp_path: Path) -> None:
    """Who comes second is told so, and the first one goes on."""
    file, _ = opened(tmp_path / "file")
    with pytest.raises(ConfigurationError, match="does another process have it"):
        opened(tmp_path / "file")
    file.database.execute("UPDATE about SET word = 'old'")
    file.close()


def test_a_full_disk_is_called_one(tmp_path: Path) -> None:
    """With what there is no room for; with room the file can be opened."""
    tables = (*LAYOUT.tables, "PRAGMA max_page_count=1", "INSERT INTO about VALUES (zeroblob(1000000))")
    with pytest.raises(DiskFull, match=f"{tmp_path} has no room for words"):
        opened(tmp_path / "file", LAYOUT._replace(tables=tables))
    file, words = opened(tmp_path / "file")
    file.close()
    assert words == ["new"]


@pytest.mark.parametrize("is_temporary", [True, False])
def test_a_disk_that_becomes_full_is_called_one(tmp_path: Path, is_temporary: bool) -> None:
    """By whoever writes, with the folder and the setting that names another."""
    file, _ = opened(None if is_temporary else tmp_path / "file")
    file.database.execute("PRAGMA max_page_count=2")
    folder, setting = (temporary_folder(), "SQLITE_TMPDIR") if is_temporary else (tmp_path, "SMSOUT_STATE_DIR")
    with pytest.raises(DiskFull, match=rf"{folder} has no room for words \({setting} names another folder\)"):
        file.database.execute("INSERT INTO about VALUES (zeroblob(1000000))")
    file.close()
