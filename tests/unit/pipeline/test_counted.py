"""A number with its noun."""

import pytest

from pipeline.counted import counted


@pytest.mark.parametrize(
    ("number", "nouns", "words"),
    [
        (0, ("trunk",), "0 trunks"),
        (1, ("trunk",), "1 trunk"),
        (1, ("entry", "entries"), "1 entry"),
        (12_345, ("entry", "entries"), "12,345 entries"),
    ],
)
def test_one_is_one_and_all_else_are_many(number: int, nouns: tuple[str, ...], words: str) -> None:
    """None are many, too; a noun whose plural has more than an s brings it."""
    assert counted(number, *nouns) == words
