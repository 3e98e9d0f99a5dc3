"""Times that people type, in a zone that they choose."""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

UTC_NAME: Final = "UTC"


def zone_of(name: str) -> ZoneInfo | None:
    """Return a zone by its name, UTC for an empty one; None when there is none of that name."""
    try:
        return ZoneInfo(name or UTC_NAME)
    except (ValueError, OSError, KeyError):  # no such zone; a folder; a path that leads out
        return None


def typed_time(text: str, zone: ZoneInfo) -> datetime | str:
    """Return a time as a form's field has it, in UTC, or what is wrong with it."""
    try:
        found = datetime.fromisoformat(text)
        found = (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return "must be a date and a time, like 2026-11-22T18:00"
    return found if 1970 <= found.year < 9000 else "is too far away"
