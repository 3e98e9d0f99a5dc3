"""What a sender may be called: as the octets of an originating address hold it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pipeline.alphabets.gsm0338 import BASIC
from pipeline.steps.admission.request import check_source
from schemas.address import MSISDN
from schemas.directory.sender import MAX_NAME_LENGTH, SenderAddress

ADDRESS: TypeAdapter[str] = TypeAdapter(SenderAddress)
LETTERS = "".join(it for it in BASIC if it.isalpha())
MARKS = "0123456789.&_-"


def is_sender(text: str) -> bool:
    try:
        ADDRESS.validate_python(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    "text",
    [
        "A", "Example", "MY BRAND", "A&B Ltd.", "Müll_Söhne", "1-2-3 taxi", "24h", "Ö", "ΔΩ 7", "3-x", "x-3",
        "911a", "123", "1234", "12345", "123456", "012",
    ],
)  # fmt: skip
def test_names_and_short_codes(text: str) -> None:
    """Letters of the GSM 7-bit default alphabet with digits and marks; or 3 to 6 digits."""
    assert is_sender(text)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "12", "1234567", "12125551234", "1 2 3", "1-800", "+4912", "...", "-", "&", " x", "x ", "x\n", "\nx",
        "Example Ltd.", "x" * 12, "Example!", "x/y", "x@y", "x€", "x[", "x\t y",
        "名", "é\u0301", "Ξ\u200b", "я", "ç", "١٢٣", "x\u00a0y",
    ],
)  # fmt: skip
def test_what_is_neither(text: str) -> None:
    """Too long, nothing but digits and marks, spaces at an end, or a character that is not in the table."""
    assert not is_sender(text)


@given(st.text(LETTERS + MARKS + " ", max_size=MAX_NAME_LENGTH + 1))
def test_a_name_has_a_letter_and_no_outer_space(text: str) -> None:
    """The pattern is these rules, however they are combined; whatever it takes, a request may have as its source."""
    is_name = len(text) <= MAX_NAME_LENGTH and text == text.strip(" ") and any(it.isalpha() for it in text)
    is_short_code = text.isdigit() and 3 <= len(text) <= 6
    assert is_sender(text) is (is_name or is_short_code)
    if is_sender(text):
        assert check_source(text) is None
        assert MSISDN.fullmatch(text) is None


def test_each_letter_of_the_alphabet_is_one() -> None:
    """None is missing from the pattern."""
    assert all(is_sender(it) for it in LETTERS)
