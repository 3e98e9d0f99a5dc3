"""What stands in for characters that GSM-7 has not."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alphabets.gsm0338 import BASIC, EXTENSION
from pipeline.alphabets.look_alikes import LOOK_ALIKES
from pipeline.alphabets.transliteration import transliterate, written

GSM7 = frozenset(BASIC) | frozenset(EXTENSION)


def test_look_alikes_are_outside_and_stand_ins_inside_of_gsm7() -> None:
    """So replacing never touches what can be carried, and what is replaced can."""
    assert LOOK_ALIKES.keys().isdisjoint(GSM7)
    assert all(GSM7.issuperset(it) for it in LOOK_ALIKES.values())


@pytest.mark.parametrize("category", ["Pd", "Zs", "Pi", "Pf"])
def test_every_dash_space_and_quote_is_considered(category: str) -> None:
    """Of Unicode's dashes, spaces and quotes, those are left out that are no everyday punctuation of any script."""
    left_out = {
        "Pd": "\u058a\u05be\u1400\u1806\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0\ufe31\ufe32\U00010ead",
        "Pi": "\u2e02\u2e04\u2e09\u2e0c\u2e1c\u2e20",
        "Pf": "\u2e03\u2e05\u2e0a\u2e0d\u2e1d\u2e21",
        "Zs": "",
    }[category]
    those = [it for it in map(chr, range(0x11000)) if unicodedata.category(it) == category and it not in GSM7]
    assert {it for it in those if it not in LOOK_ALIKES} <= set(left_out)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zażółć gęślą jaźń", "Zazolc gesla jazn"),
        ("Příliš žluťoučký kůň", "Prilis zlutoucky kun"),
        ("Đặng Thị Ngọc", "Dang Thi Ngoc"),
        ("İstanbul'da ağaç", "Istanbul'da agac"),
        ("ǻ is å with an accent", "å is å with an accent"),
        ("Съешь ещё мягких булок", "S'esh eshche miagkikh bulok"),
        ("Їжак", "Izhak"),
        ("Љубав", "Ljubav"),
        ("ЩУКА", "SHCHUKA"),
        ("Щука", "Shchuka"),
        ("Καλημέρα", "KAΛHMEPA"),
        ("ΰ", "Y"),
        ("5 °C am Tag, № 7, ©", "5 oC am Tag, No 7, (C)"),
        ("e\u0301a\u0327", "ea"),
        ("日本 😀 שלום", "日本 😀 שלום"),
    ],
)
def test_transliteration(text: str, expected: str) -> None:
    """Latin without its marks, Cyrillic as in passports, Greek in capitals; other scripts stay."""
    assert transliterate(text) == expected


@given(st.text())
def test_what_gsm7_carries_is_written_as_it_is(text: str) -> None:
    """Each character of GSM-7 stays; each other one stays too or becomes characters of GSM-7."""
    for before, after in zip(text, written(text), strict=True):
        assert after == before if before in GSM7 else after == before or GSM7.issuperset(after)
    assert "".join(written(text)) == transliterate(text)
