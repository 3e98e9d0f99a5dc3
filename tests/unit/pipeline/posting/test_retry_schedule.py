"""When what has failed is tried again."""

import pytest

from pipeline.posting.retry_schedule import RetrySchedule
from schemas.topics import CALLBACK_DELAYS_SECONDS, CALLBACK_RETRY

SCHEDULE = RetrySchedule(CALLBACK_RETRY, CALLBACK_DELAYS_SECONDS)


def test_every_failure_takes_the_next_tier_until_none_is_left() -> None:
    """Attempt n waits in tier n; the one after the last tier was the last, 75.6 hours after the first."""
    attempt, topics = 1, []
    while (seconds := SCHEDULE.after(attempt)) is not None:
        topics.append(SCHEDULE.topic(seconds).removeprefix("sms.callback.retry."))
        attempt += 1
    assert topics == ["5s", "30s", "2m", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h"]
    assert attempt == 12
    assert SCHEDULE.total_seconds == 75 * 3600 + 37 * 60 + 35


@pytest.mark.parametrize(("attempt", "delays", "expected"), [(1, (7,), 7), (2, (7,), None), (9, (7, 60), None)])
def test_a_schedule_may_be_short_or_shortened(attempt: int, delays: tuple[int, ...], expected: int | None) -> None:
    """Attempts beyond a schedule that was cut are not made."""
    assert RetrySchedule(CALLBACK_RETRY, delays).after(attempt) == expected


@pytest.mark.parametrize(
    ("at_least", "expected"),
    [(0.0, 5), (5.0, 5), (5.1, 30), (31.0, 120), (3000.0, 7200), (86_400.0, 86_400), (1e9, 86_400)],
)
def test_a_pause_that_is_asked_for_takes_the_next_longer_tier(at_least: float, expected: int) -> None:
    """And the longest where none is long enough."""
    assert SCHEDULE.lasting(at_least) == expected
