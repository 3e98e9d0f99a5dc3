"""`Retry-After`, as peers write it and as attackers do."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.posting.retry_after import LONGEST_SECONDS, retry_after_seconds

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7\t", 7.0),
        ("007", 7.0),
        ("86401", LONGEST_SECONDS),
        ("9" * 60, LONGEST_SECONDS),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sunday, 22-Nov-26 12:01:00 GMT", 60.0),
        ("Sun Nov 22 12:00:05 2026", 5.0),
        ("Sun, 22 Nov 2026 11:59:59 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_SECONDS),
        (None, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("+5", None),
        ("soon", None),
        ("٣", None),
        ("²", None),
        ("5, 10", None),
        ("9" * 65, None),
        ("Sun, 99 Nov 2026 12:00:30 GMT", None),
        ("Sun, 22 Nov 2026 25:00:30 GMT", None),
        ("Sun, 22 Nov 2026 12:00:30 +9999", None),
    ],
)
def test_a_value_says_how_long_to_wait_or_nothing(value: str | None, seconds: float | None) -> None:
    """Seconds and the three forms of a date, within a day; nonsense counts as not said."""
    assert retry_after_seconds(value, NOW) == seconds


PIECES = [
    "Sun",
    "Sunday",
    "Nov",
    "22",
    "2026",
    "26",
    "99",
    "-",
    ",",
    " ",
    ":",
    ".",
    "12",
    "00",
    "GMT",
    "+0100",
    "x",
    "0",
]


@given(st.text(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_no_value_does_harm(value: str) -> None:
    """Whatever a peer writes: no error, and nothing beyond the bounds."""
    seconds = retry_after_seconds(value, NOW)
    assert seconds is None or 0.0 <= seconds <= LONGEST_SECONDS
