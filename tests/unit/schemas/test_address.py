"""Numbers as they travel, and as they are logged."""

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.address import MSISDN, Msisdn, masked

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
