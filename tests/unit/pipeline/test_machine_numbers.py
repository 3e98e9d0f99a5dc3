"""Numbers of SIM cards in machines: each range of the table, and nothing beside it."""

import pytest

from pipeline.e164 import IMPOSSIBLE, number_problem
from pipeline.machine_numbers import MACHINE_RANGES, MachineRange
from schemas.address import MSISDN
from tests.unit.pipeline.possible_numbers import library_says


@pytest.mark.parametrize("it", MACHINE_RANGES, ids=lambda it: f"{it.calling_code}-{it.prefix}")
@pytest.mark.parametrize("filler", "0159")
def test_a_range_is_taken(it: MachineRange, filler: str) -> None:
    """One digit more or fewer is as impossible as it was; each range says where it comes from."""
    number = it.calling_code + it.prefix.ljust(it.length, filler)
    assert MSISDN.fullmatch(number)
    assert not library_says(number), "the library knows it: no line is needed"
    assert number_problem(number) is None
    assert it.source
    for wrong in (number[:-1], number + filler):
        if MSISDN.fullmatch(wrong) and not library_says(wrong):
            assert number_problem(wrong) == IMPOSSIBLE


@pytest.mark.parametrize(
    "number",
    [
        "345901234567890",
        "47580123456789",
        "47590123456789",
        "337000011564653",
        "590700512345678",
        "467190123456789",
        "327700010023652",
        "279601234567890",
        "3197012345678",
        "45370123456789",
        "36710123456789",
        "861064712345678",
        "861440123456789",
        "915551234567890",
    ],
)
def test_numbers_of_machines_are_taken(number: str) -> None:
    """Of 13 to 15 digits, from national plans; some of them the library knows itself."""
    assert 13 <= len(number) <= 15
    assert number_problem(number) is None


@pytest.mark.parametrize("number", ["346001234567890", "336001234567890", "32770123456789", "47410123456789"])
def test_other_long_numbers_are_not(number: str) -> None:
    """The length alone is no pass."""
    assert number_problem(number) == IMPOSSIBLE
