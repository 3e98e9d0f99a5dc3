"""Letters outside of GSM-7, written with letters of GSM-7: Latin with its marks left off, Cyrillic and Greek.

Latin comes off Unicode's own decompositions; what has none, and Cyrillic, are as machine-readable passports have them
(ICAO Doc 9303 part 3 section 6, tables A and B), but the hard sign is an apostrophe. Greek is in capitals, which GSM-7
has: its own ten, and the Latin letters that are drawn alike. Other scripts are left alone: without their language, or
a dictionary, what comes out cannot be read by those whose script it is.
"""

import unicodedata
from typing import Final

from pipeline.alphabets.gsm0338 import BASIC, EXTENSION

_CARRIED: Final = frozenset(BASIC) | frozenset(EXTENSION)

_LATIN: Final = {
    "ı": "i", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŋ": "n", "œ": "oe", "þ": "th", "ŧ": "t", "ĸ": "k", "ŀ": "l",
    "ĳ": "ij", "ə": "a", "ƒ": "f", "ẞ": "SS",
}  # fmt: skip

_CYRILLIC: Final = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "i",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "'", "ы": "y", "ь": "", "э": "e", "ю": "iu",
    "я": "ia", "і": "i", "ї": "i", "є": "ie", "ґ": "g", "ў": "u", "ѓ": "g", "ђ": "d", "ѕ": "dz", "ј": "j", "ќ": "k",
    "љ": "lj", "њ": "nj", "ћ": "c", "џ": "dz", "ѐ": "e", "ѝ": "i", "ѫ": "u", "ѣ": "ie", "ѳ": "f", "ѵ": "y",
}  # fmt: skip

_GREEK: Final = dict(
    zip("αβγδεζηθικλμνξοπρσςτυφχψω", "ABΓΔEZHΘIKΛMNΞOΠPΣΣTYΦXΨΩ", strict=True)
)  # fmt: skip

_SIGNS: Final = {"©": "(C)", "®": "(R)", "™": "TM", "№": "No", "°": "o", "º": "o", "ª": "a", "₽": "RUB", "₴": "UAH"}


class _StandIns(dict[int, str]):
    """What is written for characters, worked out when they are first met."""

    def __missing__(self, code: int) -> str:
        if len(self) >= _MAX_KEPT:
            self.clear()
        character = chr(code)
        found = self[code] = character if character in _CARRIED else stand_in(character)
        return found


_MAX_KEPT: Final = 4096
_stand_ins: Final = _StandIns()


def transliterate(text: str) -> str:
    """Return `text` with what there is a way to write for; other characters stay as they are.

    Where all of it is in capitals, all of what is written is.
    """
    letters = text.translate(_stand_ins)
    return letters.upper() if text.isupper() else letters


def written(text: str) -> list[str]:
    """Return what `transliterate` writes for each character of `text`."""
    found = [_stand_ins[ord(it)] for it in text]
    return [it.upper() for it in found] if text.isupper() else found


def stand_in(character: str) -> str:
    """Return what is written for a character outside of GSM-7: itself where there is no way."""
    lower = character.lower()
    for table in (_SIGNS, _LATIN, _CYRILLIC):
        if (found := table.get(character)) is not None:
            return found
        if (found := table.get(lower)) is not None:
            return found[:1].upper() + found[1:]
    if (found := _GREEK.get(lower)) is not None:
        return found
    if unicodedata.combining(character):
        return ""
    return _decomposed(character)


def _decomposed(character: str) -> str:
    """Return a character without the fewest of its marks that GSM-7 can carry it without."""
    for form in ("NFD", "NFKD"):
        parts = unicodedata.normalize(form, character)
        while len(parts) > 1 and unicodedata.combining(parts[-1]):
            parts = parts[:-1]
            written = unicodedata.normalize("NFC", parts)
            if written in _CARRIED:
                return written
        written = parts if parts == character else "".join([it if it in _CARRIED else stand_in(it) for it in parts])
        if written != character and all(it in _CARRIED for it in written):
            return written
    return character
