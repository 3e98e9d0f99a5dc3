"""Times as people type them: `2h` for so long ago, or a time."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_AGO: Final = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment_before(now: datetime, text: str) -> datetime:
    """Read `2h` (so long before `now`) or a time in ISO 8601, UTC unless it says.

    Raises `ValueError` or `OverflowError` for what is neither, or in no calendar.
    """
    if (ago := _AGO.fullmatch(text)) is not None:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
