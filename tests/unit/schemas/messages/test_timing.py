"""When a message is to be sent, and for how long it may be tried."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.messages.timing import (
    LONGEST_WAIT,
    SHORTEST_WAIT,
    is_too_far,
    send_at_of,
    timed,
    validity_problem,
    written,
)

NOW = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)
FORM = "must be a time with its offset (RFC 3339), like 2030-01-31T18:00:00Z"
AHEAD = "must be 1 minute to 35 days ahead"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2026-11-22T19:01:00Z", NOW + SHORTEST_WAIT),
        ("2026-11-22t19:01:00z", NOW + SHORTEST_WAIT),
        ("2026-12-27T19:00:00Z", NOW + LONGEST_WAIT),
        ("2026-11-23T01:00:00.5+05:30", NOW + timedelta(minutes=30, milliseconds=500)),
        ("2026-11-22T19:01:00.123456789Z", NOW + SHORTEST_WAIT + timedelta(microseconds=123_456)),
        ("2026-11-22T19:00:59.999Z", AHEAD),
        ("2026-12-27T19:00:00.001Z", AHEAD),
        ("2026-11-22T18:00:00Z", AHEAD),
        ("9999-12-31T23:59:59Z", AHEAD),
        ("9999-12-31T23:59:59-23:59", FORM),  # beyond the calendar
        ("2026-11-31T19:00:00Z", FORM),
        ("2026-11-22T19:01:60Z", FORM),
        ("2026-11-22T19:05:00", FORM),
        ("2026-11-22 19:05:00Z", FORM),
        ("2026-11-22T19:05Z", FORM),
        ("2026-W48-1T19:05:00Z", FORM),
        ("2026-11-22T19:05:00,5Z", FORM),
        ("٢٠٢٦-11-22T19:05:00Z", FORM),
        ("2026-11-22T19:05:00Z\n", FORM),
        ("", FORM),
        ("tomorrow", FORM),
        (1_795_374_000, "must be a string"),
        (None, "must be a string"),
        (["2026-11-22T19:05:00Z"], "must be a string"),
    ],
)
def test_send_at(value: object, found: datetime | str) -> None:
    """RFC 3339 with its offset, 1 minute to 35 days ahead; the message says what is wrong."""
    assert send_at_of(value, NOW) == found


def test_a_repetition_may_come_late() -> None:
    """What was a minute ahead when it was asked for first is not, when it is asked for again."""
    assert send_at_of("2026-11-22T18:00:00Z", NOW, timedelta(hours=-2)) == NOW - timedelta(hours=1)
    assert send_at_of("2026-11-22T16:59:59Z", NOW, timedelta(hours=-2)) == AHEAD


@given(st.text(max_size=40) | st.from_regex(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})"))
def test_whatever_is_written_is_a_time_in_utc_or_a_reason(value: str) -> None:
    """Nothing else is raised or taken, and what is taken lies between the bounds."""
    found = send_at_of(value, NOW)
    if isinstance(found, datetime):
        assert found.tzinfo is UTC
        assert SHORTEST_WAIT <= found - NOW <= LONGEST_WAIT


@pytest.mark.parametrize("seconds", [60, 61, 3600, 259_200])
def test_a_validity_period_is_a_minute_to_three_days(seconds: int) -> None:
    """In whole seconds."""
    assert validity_problem(seconds) is None


@pytest.mark.parametrize("value", [59, 0, -60, 259_201, 10**30, True, 60.0, 60.5, "60", None, [], {}])
def test_what_is_none_is_refused(value: object) -> None:
    """Also what Python takes for a number."""
    assert validity_problem(value) == "must be a whole number of seconds, 60 to 259200"


def test_only_what_was_asked_for_is_told() -> None:
    """In the contract's form of times."""
    assert timed(None, None) == {}
    assert timed(NOW, 60) == {"send_at": "2026-11-22T19:00:00.000Z", "validity_period": 60}
    assert written(datetime.fromisoformat("2026-11-22T20:00:00.0019+01:00")) == "2026-11-22T19:00:00.001Z"


def test_too_far_is_beyond_35_days() -> None:
    """A producer's wish is measured from the broker's time for its record."""
    assert not is_too_far(NOW + LONGEST_WAIT, NOW)
    assert is_too_far(NOW + LONGEST_WAIT + timedelta(microseconds=1), NOW)
