"""Which country a number is in, held to the library that knows all of them."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import countries
from pipeline.countries import COUNTRIES, NO_COUNTRY, country_of, number_in


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("12125551234", "US"), ("14165551234", "CA"), ("18765551234", "JM"),
            ("79161234567", "RU"), ("77015551234", "KZ"),
        ("447400123456", "GB"), ("447781123456", "GG"), ("4915112345678", "DE"),
        ("390669812345", "VA"), ("393123456789", "IT"), ("870773111632", NO_COUNTRY), ("37041652729", "LT"),
    ],
)  # fmt: skip
def test_numbers_are_where_they_are(number: str, country: str) -> None:
    """Also where several countries share a calling code."""
    assert country_of(number) == country


@pytest.mark.parametrize("number", ["", "0", "999", "2101234567"])
def test_what_no_country_code_begins_is_nowhere(number: str) -> None:
    """It is refused elsewhere."""
    assert country_of(number) is None


def test_an_impossible_number_is_in_the_largest_country_and_spoils_no_other() -> None:
    """What is kept by first digits comes of numbers that there can be."""
    assert (country_of("4479111"), country_of("447911123456")) == ("GB", "GG")
    assert (country_of("1876"), country_of("18765551234")) == ("JM", "JM")


@given(st.sampled_from(sorted(COUNTRIES - {NO_COUNTRY})), st.text("0123456789", min_size=4, max_size=4))
def test_it_is_the_country_of_the_library(country: str, end: str) -> None:
    """Of numbers like real ones, in any order, whatever is kept of earlier ones."""
    number = number_in(country)[:-4] + end
    known = phonenumbers.region_code_for_number(phonenumbers.parse("+" + number))
    if known is not None:
        assert country_of(number) == known


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the number of first digits."""
    monkeypatch.setattr(countries, "_MOST_KEPT", 10)
    for area in range(201, 290):
        country_of(f"1{area}5551234")
    assert len(countries._by_first_digits) <= 10


def test_every_country_has_a_number() -> None:
    """That is possible, and leads to the country's calling code."""
    for country in COUNTRIES - {NO_COUNTRY}:
        assert number_in(country).startswith(str(phonenumbers.country_code_for_region(country))), country
