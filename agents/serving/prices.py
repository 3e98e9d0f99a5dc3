"""Prices as the contract writes them."""

from decimal import Decimal


def json_number(price: Decimal | None) -> float | None:
    """Return a price as a JSON number, null where there is none."""
    return None if price is None else float(price)
