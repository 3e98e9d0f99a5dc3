"""Numbers in E.164 form are taken, whatever their country and type; others are told which form was meant."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import phonenumbers
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from pipeline import e164
from pipeline.e164 import IMPOSSIBLE, number_problem
from schemas.address import MSISDN
from schemas.directory.account import NumberCheck
from tests.unit.pipeline.possible_numbers import library_says

WORLD: Final = "001"
TYPES: Final = sorted(PhoneNumberType.values())


class Plan(NamedTuple):
    """A country's, or a world-wide service's."""

    region: str
    calling_code: str
    metadata: PhoneMetadata

    def numbers(self) -> Iterator[str]:
        """Iterate over the library's example of each type of number, as far as a message can go there."""
        for kind in TYPES:
            if self.region == WORLD:
                example = phonenumbers.example_number_for_non_geo_entity(int(self.calling_code))
            else:
                example = phonenumbers.example_number_for_type(self.region, kind)
            if example is not None and MSISDN.fullmatch(number := written(example)):
                yield number


def written(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164).removeprefix("+")


def plans() -> Iterator[Plan]:
    for calling_code in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE):
        for region in phonenumbers.region_codes_for_country_code(calling_code):
            metadata = PhoneMetadata.metadata_for_region_or_calling_code(calling_code, region)
            assert metadata is not None
            yield Plan(region, str(calling_code), metadata)


PLANS: Final = list(plans())
every_plan: Final = pytest.mark.parametrize("plan", PLANS, ids=[f"{it.region}-{it.calling_code}" for it in PLANS])


def mistaken(plan: Plan, inserted: str) -> dict[str, str]:
    """Return what becomes of a plan's numbers with something behind the country code, as far as it is no message."""
    found = {}
    for number in plan.numbers():
        wrong = plan.calling_code + inserted + number.removeprefix(plan.calling_code)
        if MSISDN.fullmatch(wrong):
            told = number_problem(wrong)
            if told is None or f"{number} is meant" not in told:
                found[wrong] = told or "taken"
    return found


def is_valid_as_written(number: str, calling_code: str) -> bool:
    national = number.removeprefix(calling_code)
    zeros = len(national) - len(national.lstrip("0"))
    return phonenumbers.is_valid_number(
        PhoneNumber(
            country_code=int(calling_code),
            national_number=int(national),
            italian_leading_zero=zeros > 0,
            number_of_leading_zeros=zeros,
        )
    )


def test_the_table_covers_the_world() -> None:
    """Every calling code that ITU-T has assigned, and each country that shares one."""
    assert len(PLANS) > 240
    assert sum(len(list(plan.numbers())) for plan in PLANS) > 1400


@every_plan
def test_every_example_number_is_taken(plan: Plan) -> None:
    """Mobile, fixed, toll-free, pagers: of whichever type a number is."""
    assert {number: told for number in plan.numbers() if (told := number_problem(number))} == {}


@every_plan
def test_a_national_prefix_is_refused_with_the_form_that_was_meant(plan: Plan) -> None:
    """Behind the country code it does not belong to the number: routes and prices would be another country's."""
    assert mistaken(plan, plan.metadata.national_prefix or "0" * 9) == {}


# Where a number with a 0 in front is another number: Italian fixed lines begin with it, and so do numbers of Ascension.
MAY_BEGIN_WITH_ZERO: Final = {"IT", "VA", "AC"}


@every_plan
def test_a_zero_is_refused_also_where_no_prefix_is_dialled(plan: Plan) -> None:
    """People write it everywhere. Where it makes another number that exists, nobody can know."""
    found = mistaken(plan, "0")
    assert {it for it in found if not is_valid_as_written(it, plan.calling_code)} == set()
    assert not found or plan.region in MAY_BEGIN_WITH_ZERO


# Where some number with the country code in front of it is another one that exists, and neither is a mobile.
MAY_BEGIN_WITH_THEIR_OWN_CODE: Final = {"BR", "DE", "ID", "NL", "SE", "VN", "XK"}


@every_plan
def test_a_doubled_country_code_is_refused(plan: Plan) -> None:
    """Unless that makes another number that exists; a mobile number behind its country code twice is always told."""
    found = mistaken(plan, plan.calling_code)
    assert {it for it in found if not is_valid_as_written(it, plan.calling_code)} == set()
    assert not found or plan.region in MAY_BEGIN_WITH_THEIR_OWN_CODE


def patterns(plan: Plan) -> list[str]:
    found = (plan.metadata.mobile, plan.metadata.fixed_line, plan.metadata.voip, plan.metadata.pager)
    return [it.national_number_pattern for it in found if it is not None and it.national_number_pattern]


PATTERNED: Final = [(plan, pattern) for plan in PLANS for pattern in patterns(plan)]


@given(data=st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_fits_the_pattern_of_a_plan_is_taken(data: st.DataObject) -> None:
    """Numbers that the library calls valid, also those that begin like a prefix or like their own country code."""
    plan, pattern = data.draw(st.sampled_from(PATTERNED))
    national = data.draw(st.from_regex(re.compile(rf"(?:{pattern})", re.ASCII), fullmatch=True))
    number = plan.calling_code + national
    if not MSISDN.fullmatch(number) or not is_valid_as_written(number, plan.calling_code):
        return
    told = number_problem(number)
    if told is not None:  # a mobile number with its country code twice, and by chance a long fixed line
        assert "country code is there twice" in told
        single = national.removeprefix(plan.calling_code)
        assert phonenumbers.number_type(phonenumbers.parse(f"+{plan.calling_code}{single}")) == PhoneNumberType.MOBILE


@pytest.mark.parametrize(
    ("number", "meant"),
    [
        ("4407700900123", "447700900123"),
        ("44447700900123", "447700900123"),
        ("112125551234", "12125551234"),
        ("49015123456789", "4915123456789"),
        ("494915123456789", "4915123456789"),
        ("33330612345678", "33612345678"),  # two things wrong at once
        ("330612345678", "33612345678"),
        ("787012345678", "77012345678"),
        ("789161234567", "79161234567"),
        ("541115123456789", None),
        ("54111523456789", "5491123456789"),
        ("3606201234567", "36201234567"),
        ("340612345678", "34612345678"),
        ("852051234567", "85251234567"),
        ("470590012345678", "47590012345678"),
    ],
)
def test_known_mistakes(number: str, meant: str | None) -> None:
    """What people write, and what they are told."""
    told = number_problem(number)
    assert told is not None
    assert told.endswith(f"{meant} is meant") if meant else told == IMPOSSIBLE


@pytest.mark.parametrize(
    "number",
    [
        "15551234567",
        "447700900123",
        "390612345678",
        "2250712345678",
        "77012345678",
        "78005553535",
        "919123456789",
        "4949211234",  # Emden, in Germany
        "393931234567",
        "5491123456789",
        "4412345",
    ],
)
def test_known_numbers(number: str) -> None:
    """Documentation's numbers, Italian zeros, a national number that begins like its country code."""
    assert number_problem(number) is None


@given(number=st.from_regex(r"\A[1-9][0-9]{6,14}\Z"))
def test_any_digits_get_an_answer(number: str) -> None:
    """None, or the end of a sentence; a form that is named is fine itself, and form-only accounts take all of them."""
    told = number_problem(number)
    if told is not None and told != IMPOSSIBLE:
        meant = told.removesuffix(" is meant").rpartition(" ")[2]
        assert MSISDN.fullmatch(meant) or "meant" not in told
        assert "meant" not in told or (meant != number and number_problem(meant) is None)
    assert told is not None or library_says(number) or len(number) >= 13
    assert number_problem(number, NumberCheck.FORM) is None


def test_usual_numbers_do_not_reach_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor do those of which nothing has the length: a request may list a thousand."""
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(e164, "_ask_library", lambda *given: asked.append(given))
    for number in ("15551234567", "447700900123", "37041652729", "393312345678", "79161234567", "123456789012345"):
        number_problem(number)
    assert asked == []
