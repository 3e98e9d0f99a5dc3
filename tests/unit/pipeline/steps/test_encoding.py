"""Encoding: the alphabet against an independent codec, the traps, and what cannot be sent."""

import gsm0338
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alphabets.gsm0338 import ALPHABET, BASIC, ESCAPE, EXTENSION
from pipeline.errors import Refused, Unencodable
from pipeline.steps.encoding import mark_pairs, measure, outside_gsm7
from schemas.messages.mt_message import DataCoding

ORACLE = gsm0338.Codec()
BMP = range(0x10000)


def _oracle_septets(character: str) -> bytes | None:
    try:
        return bytes(ORACLE.encode(character)[0])
    except UnicodeEncodeError:
        return None


def test_every_character_of_the_basic_plane_costs_what_the_codec_says() -> None:
    """All 65,536 code points: GSM-7 exactly where the codec has septets, and as many of them."""
    differing = []
    for code in BMP:
        character = chr(code)
        if character == ESCAPE or 0xD800 <= code <= 0xDFFF:
            continue
        septets = _oracle_septets(character)
        expected = (DataCoding.UCS2, 1) if septets is None else (DataCoding.GSM7, len(septets))
        if measure(character) != expected:
            differing.append(f"U+{code:04X}")
    assert differing == []


def test_the_alphabet_is_in_the_codec_s_order() -> None:
    """Each character's place in the table is its septet, and the extension table has the codec's codes."""
    assert len(ALPHABET) == 128
    assert ALPHABET[0x1B] == ESCAPE
    assert [_oracle_septets(c) for c in BASIC] == [bytes([ALPHABET.index(c)]) for c in BASIC]
    assert {c: _oracle_septets(c) for c in EXTENSION} == {c: bytes([0x1B, code]) for c, code in EXTENSION.items()}


@pytest.mark.parametrize(
    ("text", "data_coding", "units"),
    [
        ("", DataCoding.GSM7, 0),
        ("Hello World!", DataCoding.GSM7, 12),
        ("@£$¥ ÄÖÑÜ Δ_Ω", DataCoding.GSM7, 13),
        ("Ça va", DataCoding.GSM7, 5),
        ("ça va", DataCoding.UCS2, 5),
        ("áíóúâê", DataCoding.UCS2, 6),
        ("`", DataCoding.UCS2, 1),
        ("a\tb", DataCoding.UCS2, 3),
        ("a\u00a0b", DataCoding.UCS2, 3),
        ("a\x00b", DataCoding.UCS2, 3),
        ("a\r\nb", DataCoding.GSM7, 4),
        ("a\fb", DataCoding.GSM7, 4),
        ("[5€]", DataCoding.GSM7, 7),
        ("[5€]–", DataCoding.UCS2, 5),
        ("it’s", DataCoding.UCS2, 4),
        ("…", DataCoding.UCS2, 1),
        ("Ω", DataCoding.GSM7, 1),  # GREEK CAPITAL OMEGA
        ("\u2126", DataCoding.UCS2, 1),  # OHM SIGN, its look-alike
        ("A\u030a", DataCoding.UCS2, 2),  # a decomposed Å is not the alphabet's Å
        ("😀", DataCoding.UCS2, 2),
        ("a😀]", DataCoding.UCS2, 4),
        ("\U0010ffff", DataCoding.UCS2, 2),
        ("\U00010000", DataCoding.UCS2, 2),
        ("\uffff", DataCoding.UCS2, 1),
        ("١٢٣", DataCoding.UCS2, 3),
    ],
)
def test_texts_are_measured(text: str, data_coding: DataCoding, units: int) -> None:
    """GSM-7 only if every character is in it; two units for extension characters and astral ones."""
    assert (data_coding, units) == measure(text)
    assert units == len(mark_pairs(text, data_coding))


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("\x1b", 0),
        ("pay \x1be now", 4),
        ("ж\x1b", 1),
        ("ab\ud83d", 2),
        ("\ude00\ud83d", 0),
        ("ok 😀\ud800", 4),
        ("a\udfffb", 1),
    ],
)
def test_what_no_sms_can_carry_is_refused(text: str, position: int) -> None:
    """A raw escape and half of a surrogate pair are refused with their position, and without the text."""
    with pytest.raises(Unencodable) as refusal:
        measure(text)
    assert isinstance(refusal.value, Refused)
    assert refusal.value.code == "no-encoding"
    assert str(refusal.value).endswith(f"at position {position} cannot be sent")
    assert refusal.value.__cause__ is None


@given(st.text(st.characters(exclude_characters=ESCAPE, exclude_categories=["Cs"])))
def test_units_are_what_goes_on_the_air(text: str) -> None:
    """The count equals the length of the codec's septets or of the UTF-16 text, and marking pairs can be undone."""
    data_coding, units = measure(text)
    on_air = len(ORACLE.encode(text)[0]) if data_coding is DataCoding.GSM7 else len(text.encode("utf-16-be")) // 2
    assert on_air == units
    marked = mark_pairs(text, data_coding)
    assert len(marked) == units
    assert marked.replace(ESCAPE, "") == text


@given(st.text(st.sampled_from(BASIC + "".join(EXTENSION))))
def test_texts_of_the_alphabet_stay_gsm7(text: str) -> None:
    """No mix of the alphabet's characters falls over to UCS-2."""
    assert measure(text)[0] is DataCoding.GSM7


@given(st.text(st.characters(exclude_characters="\x1b", exclude_categories=["Cs"])))
def test_a_text_without_what_is_outside_of_gsm7_is_gsm7(text: str) -> None:
    """All of it is found, at its places, and nothing else is."""
    outside = outside_gsm7(text)
    assert (measure(text)[0] is DataCoding.GSM7) == (not outside)
    places = {index: character for character, indexes in outside.items() for index in indexes}
    assert all(text[index] == character for index, character in places.items())
    inside = "".join(character for index, character in enumerate(text) if index not in places)
    assert measure(inside)[0] is DataCoding.GSM7
    assert not any(character in inside for character in outside)
