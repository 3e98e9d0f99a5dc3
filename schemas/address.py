"""Phone numbers as they travel: E.164 digits, country code first, no plus (ITU-T E.164 section 6)."""

import re
import unicodedata
from typing import Annotated, Final

from pydantic import StringConstraints
from pydantic_core import ErrorDetails

from schemas.text.characters import code_of, name_of

MSISDN: Final = re.compile(r"[1-9][0-9]{6,14}")

SHORTEST_NUMBER: Final = 7

# pydantic's regex engine takes \d as any Unicode digit, so the class is spelled out.
Msisdn = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{6,14}$")]
"""A number in international format, 7 to 15 digits."""


SHORT_CODE_PATTERN: Final = "[0-9]{3,6}"
SHORT_CODE: Final = re.compile(SHORT_CODE_PATTERN)

DestinationAddress = Annotated[str, StringConstraints(pattern=rf"^(?:{SHORT_CODE_PATTERN}|[1-9][0-9]{{6,14}})$")]
"""A number in international format, or a short code: 3 to 6 digits, which mean something in one network or country."""


def is_short_code(destination: str) -> bool:
    """Tell a short code from a number, of what may be a destination."""
    return len(destination) < SHORTEST_NUMBER


MAX_LOOKED_AT: Final = 100  # characters: the longest text that is looked at whole (schemas/messages/labels.py)

_UNSEEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
# What has no width although its category says letter, mark or symbol (Unicode: Default_Ignorable_Code_Point; and the
# blank of Braille).
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def unseen(text: str) -> str | None:
    """Return the first character that nobody can see, as `character 4 is U+200B ZERO WIDTH SPACE`, or None.

    People copy such characters with a number and cannot find them. Counted from 1; a space inside can be seen.
    Only the beginning is looked at.
    """
    for place, character in enumerate(text[:MAX_LOOKED_AT], start=1):
        if character == " " and 1 < place < len(text):
            continue
        if unicodedata.category(character) in _UNSEEN_CATEGORIES or _UNSEEN.match(character):
            return f"character {place} is {code_of(character)} {name_of(character)}, which cannot be seen"
    return None


def pattern_problem(part: ErrorDetails) -> str:
    """Return pydantic's message, with the character that nobody can see where a text does not fit its pattern."""
    odd = (
        unseen(given) if part["type"] == "string_pattern_mismatch" and isinstance(given := part["input"], str) else None
    )
    return part["msg"] if odd is None else f"{part['msg']}; {odd}"


def masked(number: str) -> str:
    """Return `number` fit for a log line: the country part and the last two digits, the rest hidden."""
    return f"{number[:3]}{'*' * (len(number) - 5)}{number[-2:]}" if len(number) > 6 else "*" * len(number)
