"""How times, prices and long lists read on every page."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from schemas.text.characters import code_of
from schemas.text.smart_encoding import TextChange

_SAID: Final = {"": "nothing", " ": "a space", "\n": "a line break"}


def utc(moment: datetime | None) -> str | None:
    """Return a time as people read it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment is not None else None


def priced(price: Decimal | None, currency: str | None) -> str | None:
    """Return a price with its currency."""
    return None if price is None else f"{price:f} {currency or ''}".rstrip()


def change_words(change: TextChange, verb: str = "became") -> str:
    """Return what was changed of a text, or will be: characters that cannot be seen by their codes."""
    before = change.before
    if not before.strip() or not before.isprintable():
        before = " ".join([code_of(it) for it in before])
    times = "" if change.count == 1 else f" ({change.count:,} times)"
    return f"{before} {verb} {_SAID.get(change.after, change.after)}{times}"


def listed(items: Sequence[str], most: int = 10) -> str:
    """Return items for a tooltip, one a line."""
    return "\n".join([*items[:most], *([f"and {len(items) - most:,} more"] if len(items) > most else [])])
