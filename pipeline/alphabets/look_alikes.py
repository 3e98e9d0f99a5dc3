"""Characters outside of GSM-7 that people hardly tell from some of GSM-7: what word processors and keyboards put in.

Quotes, dashes, spaces, dots, ligatures and the full width of ASCII, and what is not seen at all. It is about the kinds
of characters that Twilio ("Smart Encoding"), Vonage ("encoding: auto") and Infobip replace; a letter of another script
that looks like a Latin one is none of them, because nobody types it by accident.
"""

from typing import Final

_GROUPS: Final = {
    '"': "\u00ab\u00bb\u201c\u201d\u201e\u201f\u2033\u02ba\u02ee\u275d\u275e\u301d\u301e\u301f",
    "'": "\u2018\u2019\u201a\u201b\u2039\u203a\u2032\u2035\u02b9\u02bb\u02bc\u02bd\u02c8´`\u02ca\u02cb\u275b\u275c",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63",
    "...": "\u2026",
    "..": "\u2025",
    ".": "\u2024\u3002\uff61\ufe52",
    ",": "\u3001\uff64\ufe50\ufe51",
    # Spaces of other widths, and the tab.
    " ": "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "\n": "\u000b\u0085\u2028\u2029",
    # Not seen: soft hyphen, spaces of no width, marks of direction, and how the character before is to be drawn.
    "": "\u00ad\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufe0e\ufe0f\ufeff",
    "!!": "\u203c",
    "??": "\u2047",
    "?!": "\u2048",
    "!?": "\u2049",
    "*": "\u2022\u2023\u204e\u2217\u2219\u00b7",
    "/": "\u00f7\u2044\u2215\u29f8",
    "\\": "\u2216\u29f5\u29f9",
    "x": "\u00d7",
    "|": "\u00a6\u2223",
    "_": "\u2017",
    "^": "\u02c6",
    "~": "\u02dc\u223c",
    ":": "\u02d0\u02f8\u2236\ua789",
    ";": "\u204f",
    "<": "\u2329\u3008",
    ">": "\u232a\u3009",
    "\u0394": "\u2206",
    "\u03a0": "\u220f",
    "\u03a3": "\u2211",
    "1/4": "\u00bc",
    "1/2": "\u00bd",
    "3/4": "\u00be",
    "ff": "\ufb00",
    "fi": "\ufb01",
    "fl": "\ufb02",
    "ffi": "\ufb03",
    "ffl": "\ufb04",
}
_FULL_WIDTH: Final = range(0xFF01, 0xFF5F)
_FULL_WIDTH_OFFSET: Final = 0xFEE0

LOOK_ALIKES: Final[dict[str, str]] = {it: stand_in for stand_in, those in _GROUPS.items() for it in those} | {
    chr(code): chr(code - _FULL_WIDTH_OFFSET) for code in _FULL_WIDTH if code != _FULL_WIDTH_OFFSET + ord("`")
} | {chr(_FULL_WIDTH_OFFSET + ord("`")): "'"}  # fmt: skip
"""What stands in for each: characters of GSM-7, or nothing."""
