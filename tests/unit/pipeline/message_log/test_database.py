"""What is said of a database that does not take what it is given."""

import sqlite3

import pytest

from pipeline.message_log.database import words_of


class Postgresql(sqlite3.Error):
    """An error as psycopg has it: with the code of the SQL standard, and the values in further lines."""

    def __init__(self, words: str, sqlstate: str) -> None:
        super().__init__(words)
        self.sqlstate = sqlstate


def sqlites(code: int, words: str) -> sqlite3.Error:
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "words", "is_full"),
    [
        (sqlites(sqlite3.SQLITE_FULL, "database or disk is full"), "database or disk is full", True),
        (sqlites(sqlite3.SQLITE_BUSY, "database is locked"), "database is locked", False),
        (Postgresql("could not extend file\nDETAIL: secret", "53100"), "could not extend file", True),
        (Postgresql("duplicate key\nDETAIL: secret", "23505"), "duplicate key", False),
    ],
)
def test_a_full_disk_comes_with_what_to_do(error: sqlite3.Error, words: str, is_full: bool) -> None:
    """Whichever database it is; and no value that it quotes is said."""
    said = words_of(error)
    assert said.startswith(words)
    assert ("make room there" in said, "secret" in said) == (is_full, False)
