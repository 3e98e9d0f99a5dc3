"""Countries as pages have them: their names in English, as the Unicode CLDR has them."""

from collections.abc import Container, Sequence
from functools import cache
from typing import Final, NamedTuple

from babel import Locale

from pipeline.countries import COUNTRIES, NO_COUNTRY

_NO_COUNTRY: Final = "satellites and international networks"
_MAX_NAMED: Final = 5


class CountryBox(NamedTuple):
    """A country to be ticked. `is_expensive`: a new trunk does not send there."""

    code: str
    name: str
    is_allowed: bool
    is_expensive: bool


@cache
def names() -> dict[str, str]:
    """Return the names of all countries that have numbers, by their codes, in the order of the names."""
    territories = Locale("en").territories
    found = {code: str(territories[code]) for code in COUNTRIES if code != NO_COUNTRY}
    return dict(sorted(found.items(), key=lambda it: it[1])) | {NO_COUNTRY: _NO_COUNTRY}


def country_boxes(refused: Container[str], expensive: Container[str]) -> list[CountryBox]:
    """Return all countries as a form shows them."""
    return [CountryBox(code, name, code not in refused, code in expensive) for code, name in names().items()]


def listed_countries(codes: Sequence[str]) -> str:
    """Return some countries in words, none of them being all; a long list ends with how many more there are."""
    named = [names().get(code, code) for code in codes[:_MAX_NAMED]]
    more = f" and {len(codes) - _MAX_NAMED} more" if len(codes) > _MAX_NAMED else ""
    return ", ".join(named) + more if named else "All countries"
