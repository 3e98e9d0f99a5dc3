"""`Retry-After`: how long whoever answered wants to be left alone (RFC 9110 section 10.2.3).

Seconds, or a date in any of the three forms that HTTP has known. Anything else counts as not said: a peer that writes
nonsense gets the usual schedule.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_SECONDS: Final = 86_400.0
_LONGEST_VALUE: Final = 64  # characters; the longest form of a date has 33


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Return how many seconds from `now` (aware) a header's `value` asks for, from 0 to a day; None if it asks nothing.

    A date that has passed is 0.
    """
    if value is None or len(value) > _LONGEST_VALUE:
        return None
    value = value.strip(" \t")
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_SECONDS)
    try:
        at = parsedate_to_datetime(value)
        seconds = (at if at.tzinfo is not None else at.replace(tzinfo=UTC)) - now
    except (ValueError, OverflowError, TypeError, IndexError):  # the library's parser stumbles in several ways
        return None
    return min(max(seconds.total_seconds(), 0.0), LONGEST_SECONDS)
