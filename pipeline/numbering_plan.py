"""The ITU-T's calling codes, and how long the numbers behind one can be.

As libphonenumber's `is_possible_number` says, at a fiftieth of its cost. "Possible" is all that a gateway may ask:
"valid" refuses test ranges and numbers newer than the installed metadata. The library parses free text (25 to 50
microseconds); our numbers are bare digits, so what is left of its work is to look up the possible lengths of the
calling code. Where its rules for national prefixes could change a number, only the library itself can tell.
"""

import re
from functools import cache
from typing import Final, NamedTuple

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumber

_CALLING_CODES: Final = frozenset(map(str, COUNTRY_CODE_TO_REGION_CODE))
_SHORTEST_PARSED: Final = 2  # digits after the calling code: what the library parses at all
_LONGEST_PARSED: Final = 17


class _Plan(NamedTuple):
    """What decides for one calling code: possible lengths, and what may stand before a national number."""

    lengths: frozenset[int]
    prefix: re.Pattern[str] | None


def calling_code_of(number: str) -> str | None:
    """Return the country code at the beginning of `number`, None when there is none that ITU-T has assigned."""
    for size in (1, 2, 3):
        if number[:size] in _CALLING_CODES:
            return number[:size]
    return None


def fits_plan(calling_code: str, national: str) -> bool | None:
    """Tell whether what follows a calling code has a possible length.

    None: it begins with what may be a national prefix, so that only the library can tell.
    """
    plan = _plan(calling_code)
    if plan.prefix is not None:
        found = plan.prefix.match(national)
        if found is not None and (found.end() or found.lastindex):
            return None
    return len(national) in plan.lengths


def as_written(calling_code: str, national: str) -> PhoneNumber:
    """Return a number as the library has it, taken as it is written: digits, of which leading zeros count."""
    zeros = len(national) - len(national.lstrip("0"))
    return PhoneNumber(
        country_code=int(calling_code),
        national_number=int(national or "0"),
        italian_leading_zero=True if zeros else None,
        number_of_leading_zeros=zeros if zeros > 1 else None,
    )


@cache  # one entry for each calling code, about 240
def _plan(calling_code: str) -> _Plan:
    region = phonenumbers.region_code_for_country_code(int(calling_code))
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(calling_code), region)
    general = metadata.general_desc if metadata is not None else None
    if metadata is None or general is None:
        return _Plan(frozenset(), re.compile("."))  # nothing to go by: the library decides
    lengths = {*general.possible_length, *general.possible_length_local_only}
    prefix = metadata.national_prefix_for_parsing
    return _Plan(
        frozenset(length for length in lengths if _SHORTEST_PARSED <= length <= _LONGEST_PARSED),
        re.compile(prefix) if prefix else None,
    )
