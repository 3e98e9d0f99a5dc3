"""What the plan says of a number is what libphonenumber says."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.numbering_plan import calling_code_of, fits_plan
from tests.unit.pipeline.possible_numbers import library_says

CALLING_CODES = sorted(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))


def plan_says(number: str) -> bool | None:
    """Tell whether a number is possible; None where only the library can tell."""
    calling_code = calling_code_of(number)
    return False if calling_code is None else fits_plan(calling_code, number[len(calling_code) :])


def agrees(number: str) -> bool:
    return plan_says(number) in {None, library_says(number)}


def disagreements(calling_code: str, beginnings: list[str]) -> list[str]:
    """Numbers of 7 to 15 digits with each beginning after the calling code, on which we and the library differ."""
    candidates = [
        (calling_code + beginning).ljust(length, filler)
        for beginning in beginnings
        for length in range(7, 16)
        for filler in "17"
    ]
    return [number for number in candidates if len(number) <= 15 and not agrees(number)]


@pytest.mark.parametrize(
    ("number", "possible"),
    [
        ("15551234567", True),  # fictitious, possible
        ("447700900123", True),  # a test range
        ("12125551234", True),
        ("37041652729", True),
        ("35699123456", True),
        ("5491123456789", True),
        ("123456789012345", False),
        ("4412345", True),  # the length of a local number
        ("441234567890123", False),
        ("9990000000", False),  # no such calling code
        ("2100000000", False),
    ],
)
def test_known_numbers(number: str, possible: bool) -> None:
    """Documentation and test ranges are possible; a wrong length or an unknown calling code is not."""
    assert agrees(number)
    assert possible == library_says(number)


@pytest.mark.parametrize("calling_code", CALLING_CODES)
def test_agrees_with_the_library_for_every_calling_code(calling_code: str) -> None:
    """All lengths, after every pair of first digits: this meets every national prefix."""
    assert disagreements(calling_code, [f"{pair:02}" for pair in range(0, 100, 3)]) == []


@given(calling_code=st.sampled_from(CALLING_CODES), rest=st.text("0123456789", min_size=4, max_size=14))
def test_agrees_with_the_library_on_random_numbers_of_a_calling_code(calling_code: str, rest: str) -> None:
    """Random national numbers, also of impossible lengths."""
    number = (calling_code + rest)[:15]
    assert agrees(number)


@given(number=st.from_regex(r"\A[1-9][0-9]{6,14}\Z"))
def test_agrees_with_the_library_on_any_number(number: str) -> None:
    """Random digits, also without a calling code that exists."""
    assert agrees(number)


def test_usual_numbers_do_not_need_the_library() -> None:
    """The plan carries ordinary international numbers, otherwise it would be for nothing."""
    usual = ["15551234567", "447700900123", "37041652729", "5491123456789", "393312345678", "79161234567"]
    assert [plan_says(number) for number in usual] == [True] * len(usual)
