"""Numbers as they travel, and as they are logged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.address import MSISDN, Msisdn, masked, pattern_problem, unseen

adapter = TypeAdapter(Msisdn)


@pytest.mark.parametrize(
    ("number", "good"),
    [
        ("1234567", True),
        ("123456789012345", True),
        ("123456", False),
        ("1234567890123456", False),
        ("0234567", False),
        ("+1234567", False),
        ("1234567\n", False),
        (" 1234567", False),
        ("123 4567", False),
        ("\u0661\u0662\u0663\u0664\u0665\u0666\u0667", False),
        ("\uff11\uff12\uff13\uff14\uff15\uff16\uff17", False),
        ("", False),
    ],
)
def test_a_number_is_7_to_15_ascii_digits_without_a_leading_zero(number: str, *, good: bool) -> None:
    """The same for records and for the regular expression that admission uses."""
    assert (MSISDN.fullmatch(number) is not None) == good
    if good:
        assert adapter.validate_python(number) == number
    else:
        with pytest.raises(ValidationError):
            adapter.validate_python(number)


@pytest.mark.parametrize(
    ("number", "shown"),
    [("13105557890", "131******90"), ("1234567", "123**67"), ("123456", "******"), ("", "")],
)
def test_a_masked_number_hides_its_middle(number: str, shown: str) -> None:
    """Enough to tell a country and a complaint apart, too little to call."""
    assert masked(number) == shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("15551234567", None),
        ("", None),
        ("1 555 123", None),
        ("1-555\u2014x", None),
        ("\u0661\u0662", None),
        ("15\u200b", "character 3 is U+200B ZERO WIDTH SPACE"),
        ("\ufeff15", "character 1 is U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("1\u00a05", "character 2 is U+00A0 NO-BREAK SPACE"),
        ("1\u202a5", "character 2 is U+202A LEFT-TO-RIGHT EMBEDDING"),
        ("1\u00ad5", "character 2 is U+00AD SOFT HYPHEN"),
        ("1\ufe0f", "character 2 is U+FE0F VARIATION SELECTOR-16"),
        ("1\u3164", "character 2 is U+3164 HANGUL FILLER"),
        ("1\u2028", "character 2 is U+2028 LINE SEPARATOR"),
        ("1\x00", "character 2 is U+0000 NULL"),
        ("1\t2", "character 2 is U+0009 CHARACTER TABULATION"),
        ("1\x01", "character 2 is U+0001 control character"),
        ("1\ud800", "character 2 is U+D800 lone surrogate"),
        ("1\U000e0020", "character 2 is U+E0020 TAG SPACE"),
        (" 1", "character 1 is U+0020 SPACE"),
        ("1 ", "character 2 is U+0020 SPACE"),
        ("1" * 100 + "\u200b", None),
    ],
)
def test_what_cannot_be_seen_is_named(text: str, told: str | None) -> None:
    """Its code point, its Unicode name and its place; what people can see is theirs to find."""
    assert unseen(text) == (None if told is None else f"{told}, which cannot be seen")


@given(text=st.text(st.characters(exclude_categories=[])))
def test_any_text_can_be_looked_at(text: str) -> None:
    """Whatever Unicode has."""
    told = unseen(text)
    assert told is None or told.isprintable()


def test_a_pattern_that_does_not_fit_says_what_cannot_be_seen() -> None:
    """pydantic tells only the pattern; other errors stay as they are."""
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python("1555\u200b1234567")
    (part,) = refused.value.errors()
    assert pattern_problem(part).endswith("; character 5 is U+200B ZERO WIDTH SPACE, which cannot be seen")
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python("1555-1234567")
    (part,) = refused.value.errors()
    assert pattern_problem(part) == part["msg"]
