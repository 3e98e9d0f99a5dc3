"""Which country a number is in, by its first digits.

Countries are ISO 3166-1 alpha-2 codes, as libphonenumber assigns numbers to them; `001` stands for networks of no
country: satellites and international services (ITU-T E.164, country codes 870, 878, 881 to 883 and their like).
"""

from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from pipeline.numbering_plan import as_written, calling_code_of

NO_COUNTRY: Final = "001"
COUNTRIES: Final = frozenset(region for regions in COUNTRY_CODE_TO_REGION_CODE.values() for region in regions)

_BY_CODE: Final = {str(code): regions[0] for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()}
_SHARED: Final = frozenset(str(code) for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if len(regions) > 1)
_LENGTH_THAT_TELLS: Final = 8
"""Digits that tell the countries of one calling code apart: Guernsey's mobile numbers need most, 44 7911 1."""
_MOST_KEPT: Final = 65_536

_by_first_digits: dict[str, str] = {}


def country_of(number: str) -> str | None:
    """Return the country of a number in international format; None when no country code begins it.

    Where several share a calling code and nobody has such a number, it is the largest.
    """
    code = calling_code_of(number)
    if code is None:
        return None
    if code not in _SHARED:
        return _BY_CODE[code]
    first = number[:_LENGTH_THAT_TELLS]
    known = _by_first_digits.get(first)
    if known is None:
        known = phonenumbers.region_code_for_number(as_written(code, number[len(code) :]))
        if known is None:
            return _BY_CODE[code]  # and not kept: the next number with these digits may be one
        if len(_by_first_digits) >= _MOST_KEPT:
            _by_first_digits.clear()
        _by_first_digits[first] = known
    return known


@lru_cache(maxsize=len(COUNTRIES))
def number_in(country: str) -> str:
    """Return some mobile number of a country: what a route to it is chosen by."""
    if country == NO_COUNTRY:
        return "8816" + "0" * 8
    example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    example = example or phonenumbers.example_number(country)
    if example is None:
        return str(phonenumbers.country_code_for_region(country))
    return phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
