"""When a message is to be sent, and how long it may take from then on. The rules are the same at each way in."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

SHORTEST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(days=35)
MIN_VALIDITY_SECONDS: Final = 60
MAX_VALIDITY_SECONDS: Final = 259_200  # 72 hours

# What `datetime` reads is more than RFC 3339 section 5.6 writes: weeks, no offset, commas.
_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def send_at_of(value: object, now: datetime, shortest: timedelta = SHORTEST_WAIT) -> datetime | str:
    """Return the time that a request asks for, in UTC; or what is wrong with it.

    `shortest` is how far ahead it must be at least.
    """
    if not isinstance(value, str):
        return "must be a string"
    try:
        send_at = datetime.fromisoformat(value.upper()).astimezone(UTC) if _RFC_3339.fullmatch(value) else None
    except (ValueError, OverflowError):  # the 31st of a month that has none, or the end of the calendar
        send_at = None
    if send_at is None:
        return "must be a time with its offset (RFC 3339), like 2030-01-31T18:00:00Z"
    if not shortest <= send_at - now <= LONGEST_WAIT:
        return "must be 1 minute to 35 days ahead"
    return send_at


def validity_problem(value: object) -> str | None:
    """Return what is wrong with a validity period, or None."""
    if type(value) is int and MIN_VALIDITY_SECONDS <= value <= MAX_VALIDITY_SECONDS:
        return None
    return f"must be a whole number of seconds, {MIN_VALIDITY_SECONDS} to {MAX_VALIDITY_SECONDS}"


def is_too_far(send_at: datetime, since: datetime) -> bool:
    """Tell whether a time is further ahead than messages may wait."""
    return send_at - since > LONGEST_WAIT


def timed(send_at: datetime | None, validity_period: int | None) -> dict[str, Any]:
    """Return what was asked for as members of a message's attributes in JSON: those that there are."""
    members: dict[str, Any] = {}
    if send_at is not None:
        members["send_at"] = written(send_at)
    if validity_period is not None:
        members["validity_period"] = validity_period
    return members


def written(moment: datetime) -> str:
    """Return a time as the contract writes it: UTC, in milliseconds."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
