"""Somebody has asked for something, and their page follows for a while what comes of it."""

from datetime import UTC, datetime, timedelta
from typing import Final

from agents.panel.page import PageContext

AFTER_ASKING: Final = timedelta(minutes=1)

_SECONDS_DIGITS: Final = 10  # until the year 2286


def until_of(context: PageContext) -> int | None:
    """Return until when a page is followed, by its address: seconds since 1970, None where nobody waits."""
    text = context.request.query.get("until", "")
    return int(text) if text.isdecimal() and len(text) <= _SECONDS_DIGITS else None


def from_now() -> int:
    """Return until when to follow what has been asked for now, for a page's address."""
    return int((datetime.now(UTC) + AFTER_ASKING).timestamp())


def is_followed(until: int | None) -> bool:
    """Tell whether that time is still to come: nobody follows for longer than `from_now` says, whatever they ask."""
    return until is not None and 0 < until - datetime.now(UTC).timestamp() <= AFTER_ASKING.total_seconds()
