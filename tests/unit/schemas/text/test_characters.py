"""What characters are called."""

import pytest

from schemas.text.characters import code_of, name_of


@pytest.mark.parametrize(
    ("character", "code", "name"),
    [
        ("\u2019", "U+2019", "RIGHT SINGLE QUOTATION MARK"),
        ("\N{GRINNING FACE}", "U+1F600", "GRINNING FACE"),
        ("\t", "U+0009", "CHARACTER TABULATION"),
        ("\x01", "U+0001", "control character"),
        ("\ud83d", "U+D83D", "lone surrogate"),
        ("\ue000", "U+E000", "unassigned"),
    ],
)
def test_every_character_has_a_code_and_a_name(character: str, code: str, name: str) -> None:
    """Unicode's, or what stands for one where it has none."""
    assert (code_of(character), name_of(character)) == (code, name)
