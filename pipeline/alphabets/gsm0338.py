"""The GSM 7-bit default alphabet and its extension table (3GPP TS 23.038 sections 6.2.1 and 6.2.1.1)."""

from typing import Final

ESCAPE: Final = "\x1b"
"""Announces a character of the extension table. Alone it means nothing, so no text may hold it."""

# A row holds 16 septets: the first row is 0x00 to 0x0F.
ALPHABET: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
"""128 characters; the place of each is its septet."""

BASIC: Final = ALPHABET.replace(ESCAPE, "")
"""Characters that take one septet."""

EXTENSION: Final = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
"""Characters that take two septets, ESCAPE and the one given here."""
