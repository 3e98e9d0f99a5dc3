"""The GSM 7-bit alphabet with the tables of a national language in place of its own (3GPP TS 23.038 section 6.2.1.2).

A locking shift table stands in for the default alphabet, a single shift table for its extension table; a text may use
either or both. The handset is told by information elements of the user data header (3GPP TS 23.040 sections
9.2.3.24.15 and 16), which every segment then has, also the only one.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Final, NamedTuple

from pipeline.alphabets.gsm0338 import ALPHABET, ESCAPE, EXTENSION
from pipeline.alphabets.national_tables import IDENTIFIERS, LOCKING, SINGLE, Runs

LANGUAGES: Final = tuple(IDENTIFIERS)
TABLES: Final = {name: ("single", *(("locking",) if name in LOCKING else ())) for name in LANGUAGES}
"""Which tables each language has."""

_SINGLE_SHIFT: Final = 0x24
_LOCKING_SHIFT: Final = 0x25
_LANGUAGE_OF: Final = {identifier: name for name, identifier in IDENTIFIERS.items()}


class Choice(NamedTuple):
    """A language, and which of its tables are used. At least one is."""

    language: str
    single: bool
    locking: bool


class NationalAlphabet:
    """What a text can be written in with a choice of tables. Made by `alphabet`."""

    def __init__(self, choice: Choice) -> None:
        language, single, locking = choice
        identifier = IDENTIFIERS[language]
        self.language = language
        self.elements = (f"{_SINGLE_SHIFT:02x}01{identifier:02x}" if single else "") + (
            f"{_LOCKING_SHIFT:02x}01{identifier:02x}" if locking else ""
        )
        """The header's information elements, in hex."""
        self._septets = {it: at for at, it in reversed(list(_characters(LOCKING[language] if locking else _DEFAULT)))}
        extension = dict(_characters(SINGLE[language])) if single else {at: it for it, at in EXTENSION.items()}
        # What both tables have is written in one septet.
        self._escaped = {it: at for at, it in reversed(extension.items()) if it not in self._septets}
        carried = re.escape("".join([*self._septets, *self._escaped]))
        self._carries = re.compile(f"[{carried}]*").fullmatch

    def __contains__(self, character: str) -> bool:
        return character in self._septets or character in self._escaped

    def units(self, text: str) -> int | None:
        """Return how many septets `text` takes, None when it cannot be written so."""
        if not self._carries(text):
            return None
        return len(text) + sum(map(text.count, self._escaped))

    def mark_pairs(self, text: str) -> str:
        """Return `text` with ESCAPE before each character that takes two septets."""
        return "".join([ESCAPE + it if it in self._escaped else it for it in text])

    def septets(self, text: str) -> bytes:
        """Return `text` as it goes over the air before it is packed: a septet an octet. It must be one that fits."""
        return _septets(text, self._septets, self._escaped)


def septets(text: str) -> bytes:
    """Return a text of the default alphabet as it goes over the air before it is packed: a septet an octet."""
    return _septets(text, _DEFAULT_SEPTETS, EXTENSION)


@cache
def alphabet(choice: Choice) -> NationalAlphabet:
    """Return the alphabet of a choice of tables."""
    return NationalAlphabet(choice)


def choices(language: str, tables: tuple[str, ...]) -> Iterator[Choice]:
    """Yield what a carrier that takes these `tables` of a language can be given, the shortest header first."""
    single, locking = "single" in tables, "locking" in tables
    if single:
        yield Choice(language, single=True, locking=False)
    if locking:
        yield Choice(language, single=False, locking=True)
    if single and locking:
        yield Choice(language, single=True, locking=True)


@lru_cache(4096)
def choice_of(udh: str) -> Choice | None:
    """Return which tables a user data header in hex speaks of, None when of none that we write."""
    header = bytes.fromhex(udh)[1:]
    found: dict[int, int] = {}
    while len(header) > 1:
        element, length = header[0], header[1]
        if length == 1 and len(header) > 2:
            found[element] = header[2]
        header = header[2 + length :]
    single, locking = found.get(_SINGLE_SHIFT), found.get(_LOCKING_SHIFT)
    language = _LANGUAGE_OF.get(single or locking or 0)
    return None if language is None else Choice(language, single=single is not None, locking=locking is not None)


def _characters(runs: Runs) -> Iterator[tuple[int, str]]:
    for begin, characters in runs.items():
        yield from enumerate(characters, begin)


def _septets(text: str, basic: Mapping[str, int], escaped: Mapping[str, int]) -> bytes:
    found = bytearray()
    for it in text:
        septet = basic.get(it)
        found += bytes((0x1B, escaped[it])) if septet is None else bytes((septet,))
    return bytes(found)


_DEFAULT: Final[Runs] = {0x00: ALPHABET[:0x1B], 0x1C: ALPHABET[0x1C:]}
_DEFAULT_SEPTETS: Final = {it: at for at, it in _characters(_DEFAULT)}
