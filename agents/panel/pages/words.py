"""How times, prices and long lists read on every page."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal


def utc(moment: datetime | None) -> str | None:
    """Return a time as people read it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment is not None else None


def priced(price: Decimal | None, currency: str | None) -> str | None:
    """Return a price with its currency."""
    return None if price is None else f"{price:f} {currency or ''}".rstrip()


def listed(items: Sequence[str], most: int = 10) -> str:
    """Return items for a tooltip, one a line."""
    return "\n".join([*items[:most], *([f"and {len(items) - most:,} more"] if len(items) > most else [])])
