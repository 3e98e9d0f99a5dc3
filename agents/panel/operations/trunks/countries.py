"""Which countries a new trunk does not send to unless somebody wants it to: the expensive ones.

Who has somebody's form send codes to numbers of his own is paid by what those cost, so he has expensive ones.
Which are expensive is what the routes say; networks of no country always are.
"""

from collections import defaultdict
from decimal import Decimal
from typing import Final

from pipeline.countries import COUNTRIES, NO_COUNTRY, number_in
from pipeline.directory.model import Directory
from pipeline.steps.routing import first_choices

TIMES: Final = 10
"""So many times what a segment costs where it is cheapest, in the same currency."""

ANY_SOURCE: Final = ""


def expensive_countries(directory: Directory, account_id: str) -> tuple[str, ...]:
    """Return the countries whose segments are expensive for an account, in the order of their codes."""
    prices: defaultdict[str | None, dict[str, Decimal]] = defaultdict(dict)
    for country in COUNTRIES:
        for choice in first_choices(directory, account_id, ANY_SOURCE, number_in(country))[:1]:
            if choice.route.price_per_segment:
                prices[choice.route.currency][country] = choice.route.price_per_segment
    found = {NO_COUNTRY}
    for by_country in prices.values():
        most = TIMES * min(by_country.values())
        found.update(country for country, price in by_country.items() if price > most)
    return tuple(sorted(found))
