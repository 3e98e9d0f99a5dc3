"""What is wrong with a number in international format, and which form was meant.

The cheap questions first: could it exist, is its country code there once, does it go on as ITU-T E.164 has it?
Ordinary numbers are told from others by their first digits and their length; the library is asked about the rest.
"""

from typing import Final, NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from pipeline.machine_numbers import is_machine
from pipeline.numbering_plan import as_written, calling_code_of, fits_plan
from schemas.address import MSISDN
from schemas.directory.account import NumberCheck

IMPOSSIBLE: Final = "is not a possible phone number: wrong length or unknown country code"

_TWICE: Final = "its country code is there twice"
_NO_ZERO: Final = "no 0 comes behind this country code"
_AS_INSIDE: Final = "behind the country code it is written as inside the country"

_ZERO: Final = "0"  # the national prefix of most plans, and what people take for it in the others
_PERHAPS_MOBILE: Final = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})


def number_problem(number: str, check: NumberCheck = NumberCheck.PLAN) -> str | None:
    """Return what is wrong with `number`, as the end of a sentence that begins with it, or None.

    `number` has the form of `schemas.address.MSISDN`; with `NumberCheck.FORM` nothing more is asked.
    """
    return None if check is NumberCheck.FORM else _read(number).problem


class _Reading(NamedTuple):
    """What is wrong with a number, None when nothing is, and the number that was meant, None where nobody knows."""

    problem: str | None
    meant: str | None


_NOTHING: Final = _Reading(IMPOSSIBLE, None)


def _read(number: str) -> _Reading:
    calling_code = calling_code_of(number)
    if calling_code is None:
        return _NOTHING
    national = number[len(calling_code) :]
    fits = fits_plan(calling_code, national)
    if fits and not national.startswith((_ZERO, calling_code)):
        return _Reading(None, number)  # nearly always
    single = _without_repetition(calling_code, national)
    if fits is None or (fits and (single is not None or national.startswith(_ZERO))):
        return _ask_library(number, calling_code, national, single)
    if fits or is_machine(calling_code, national):
        return _Reading(None, number)
    # Nothing has this length: what is left when one thing is taken away was meant, if it could exist.
    if single is not None and (meant := _meant(calling_code, single)) is not None:
        return _wrong(_TWICE, meant)
    if national.startswith(_ZERO) and (meant := _meant(calling_code, national[1:])) is not None:
        return _wrong(_NO_ZERO, meant)
    return _NOTHING


def _ask_library(number: str, calling_code: str, national: str, single: str | None) -> _Reading:
    """Go by what is valid: more than possible, but two readings of one number have to be told apart."""
    kind = _kind(calling_code, national)
    single_kind = None if single is None else _kind(calling_code, single)
    if kind is not None:
        # German and Austrian fixed lines may be so long that a mobile number behind a second country code is one too.
        if single is None or kind in _PERHAPS_MOBILE or single_kind != PhoneNumberType.MOBILE:
            return _Reading(None, number)
        return _wrong(_TWICE, calling_code + single)
    if single is not None and single_kind is not None:
        return _wrong(_TWICE, calling_code + single)
    own = _own_form(number)
    if own is None:
        return _NOTHING
    if own != number:
        return _wrong(_AS_INSIDE, _meant(calling_code, own[len(calling_code) :]))
    if national.startswith(_ZERO) and _kind(calling_code, national[1:]) is not None:
        return _wrong(_NO_ZERO, _meant(calling_code, national[1:]))
    return _Reading(None, number)


def _wrong(why: str, meant: str | None) -> _Reading:
    problem = f"is not in E.164 form: {why}"
    return _Reading(problem if meant is None else f"{problem}; {meant} is meant", meant)


def _meant(calling_code: str, national: str) -> str | None:
    """Return a number, or what is meant by it, when it can be sent to."""
    number = calling_code + national
    return _read(number).meant if MSISDN.fullmatch(number) else None


def _without_repetition(calling_code: str, national: str) -> str | None:
    """Return what follows a second country code, when that could be a national number; else None."""
    if not national.startswith(calling_code):
        return None
    rest = national[len(calling_code) :]
    return rest if _could_be(calling_code, rest) else None


def _could_be(calling_code: str, national: str) -> bool:
    return fits_plan(calling_code, national) is not False or is_machine(calling_code, national)


def _kind(calling_code: str, national: str) -> int | None:
    """Return the type of a number that is valid as it is written (`PhoneNumberType`), None for one that is not."""
    if not national.isdecimal():
        return None
    kind = phonenumbers.number_type(as_written(calling_code, national))
    return None if kind == PhoneNumberType.UNKNOWN else kind


def _own_form(number: str) -> str | None:
    """Return the E.164 form of what the library reads, without the plus; None when it could not exist."""
    try:
        read = phonenumbers.parse("+" + number, None)
    except NumberParseException:
        return None
    if not phonenumbers.is_possible_number(read):
        return None
    return phonenumbers.format_number(read, PhoneNumberFormat.E164).removeprefix("+")
