"""Step 3, composition: a letter and its marks as one character (Unicode's NFC), as far as that makes nothing longer.

Left as they are: what NFC makes into several characters, or into one that takes more on the air; and heaps of marks,
which are no writing, and which take time that grows with their square to be sorted.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from pipeline.steps.encoding import is_encodable

MAX_MARKS: Final = 30
"""Marks of one letter (Unicode's UAX #15 section 13)."""

_LAST: Final = 0x20000  # behind it no character is a mark, and none is longer composed


class _Patterns(NamedTuple):
    apart: re.Pattern[str]
    """What is left as it is."""
    letter: re.Pattern[str]
    """A letter with its marks."""


def compose(content: str) -> str:
    """Return `content` composed, itself where it is so already, or cannot be sent."""
    if content.isascii() or unicodedata.is_normalized("NFC", content) or not is_encodable(content):
        return content
    text = "".join([composed for _, composed in _pieces(content)])
    return content if text == content else text


def compositions(content: str) -> Iterator[tuple[str, str]]:
    """Yield what is composed of a text: letters with their marks, and the character that each becomes."""
    for piece, composed in _pieces(content):
        if piece != composed:
            letters = _patterns().letter.findall(piece)
            each = [it if it.isascii() else unicodedata.normalize("NFC", it) for it in letters]
            # Some join without marks: Hangul's letters, and some vowels of India.
            found = zip(letters, each, strict=True) if "".join(each) == composed else _joined(letters)
            yield from (it for it in found if it[0] != it[1])


def _pieces(content: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a text, as they are and composed."""
    begin = 0
    for found in _patterns().apart.finditer(content):
        piece = content[begin : found.start()]
        yield piece, unicodedata.normalize("NFC", piece)
        yield found[0], found[0]
        begin = found.end()
    yield content[begin:], unicodedata.normalize("NFC", content[begin:])


def _joined(letters: list[str]) -> Iterator[tuple[str, str]]:
    """Yield letters together with those that they become one character with."""
    cluster, composed = "", ""
    for letter in letters:
        alone = unicodedata.normalize("NFC", letter)
        both = unicodedata.normalize("NFC", composed[-1:] + letter)
        if cluster and both == composed[-1:] + alone:
            yield cluster, composed
            cluster, composed = letter, alone
        else:
            cluster, composed = cluster + letter, composed[:-1] + both
    yield cluster, composed


@cache
def _patterns() -> _Patterns:
    """Return the patterns, made of Unicode's tables when they are first needed: it takes a fiftieth of a second."""
    characters = [chr(code) for code in range(_LAST) if not 0xD800 <= code < 0xE000]
    marks = re.escape("".join([it for it in characters if unicodedata.combining(it)]))
    composed = [(it, unicodedata.normalize("NFC", it)) for it in characters if not unicodedata.is_normalized("NFC", it)]
    longer = re.escape("".join([it for it, other in composed if _units(other) > _units(it)]))
    heap = f"[{marks}]{{{MAX_MARKS + 1},}}"
    return _Patterns(
        re.compile(f"{heap}|[{longer}][{marks}]*", re.DOTALL),
        re.compile(f"[^{marks}][{marks}]*|[{marks}]+", re.DOTALL),
    )


def _units(text: str) -> int:
    return len(text.encode("utf-16-be")) // 2
