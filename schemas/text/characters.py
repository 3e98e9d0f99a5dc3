"""What a character is called, for people who cannot see it or cannot tell it from another."""

import unicodedata
from typing import Final

# Controls have no name in Unicode's data, only aliases.
_CONTROLS: Final = {
    "\0": "NULL",
    "\t": "CHARACTER TABULATION",
    "\n": "LINE FEED",
    "\r": "CARRIAGE RETURN",
    "\x1b": "ESCAPE",
    "\x7f": "DELETE",
}
_UNNAMED: Final = {"Cc": "control character", "Cs": "lone surrogate"}


def code_of(character: str) -> str:
    """Return `U+200B`."""
    return f"U+{ord(character):04X}"


def name_of(character: str) -> str:
    """Return `ZERO WIDTH SPACE`, Unicode's name; in small letters what it is when it has none."""
    unnamed = _UNNAMED.get(unicodedata.category(character), "unassigned")
    return _CONTROLS.get(character, unicodedata.name(character, unnamed))
