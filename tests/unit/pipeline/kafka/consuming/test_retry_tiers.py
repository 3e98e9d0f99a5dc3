"""How long a record of a tier must still wait."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.kafka.consuming import retry_tiers
from pipeline.kafka.consuming.retry_tiers import wait_in
from tests.builders import waiting_notification

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TIER, LONG = "sms.callback.retry.30s", "sms.callback.retry.1h"


class Clock:
    """The wall clock as an operator sets it."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self, _: object) -> datetime:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(retry_tiers, "datetime", clock)
    return clock


def waiting(due_at: datetime) -> bytes:
    return waiting_notification(due_at=due_at).to_bytes()


@pytest.mark.parametrize(
    ("due_in", "expected"),
    [(timedelta(seconds=3), 3.0), (timedelta(0), 0.0), (timedelta(days=-400), 0.0), (timedelta(days=400), 30.0)],
)
def test_a_wait_is_never_negative_and_never_longer_than_the_tiers_delay(
    clock: Clock, due_in: timedelta, expected: float
) -> None:
    """A stepped clock or a made-up time cannot stop a tier."""
    assert wait_in({TIER: 30})(TIER, waiting(clock.at + due_in)) == expected


def test_each_tier_has_its_delay(clock: Clock) -> None:
    """The rule reads `due_at` and knows each tier's delay by its topic."""
    wait = wait_in({TIER: 30, LONG: 3600})
    assert [wait(topic, waiting(NOW + timedelta(minutes=10))) for topic in (TIER, LONG)] == [30.0, 600.0]


def test_a_clock_that_is_put_back_delays_all_once_and_not_each(clock: Clock) -> None:
    """A hundred records, one a second, and then the clock goes back by an hour: all are out a delay later."""
    due = [NOW + timedelta(seconds=30 + n) for n in range(100)]
    wait = wait_in({TIER: 30})
    clock.at = NOW + timedelta(seconds=10) - timedelta(hours=1)
    began = clock.at
    for at in due:
        clock.at += timedelta(seconds=wait(TIER, waiting(at)))
    assert (clock.at - began).total_seconds() == 30 + 99
    # What is written from then on is judged by the clock as it is.
    assert wait(TIER, waiting(clock.at + timedelta(seconds=30))) == 30.0
    assert wait(TIER, waiting(clock.at + timedelta(seconds=4))) == 4.0


@pytest.mark.parametrize("value", [None, b"", b"nonsense", b"{}", b'{"due_at": "soon"}', b'{"due_at": 1}'])
def test_an_unreadable_record_is_due_at_once(value: bytes | None) -> None:
    """It becomes a dead letter now; waiting would not mend it and would hide it."""
    assert wait_in({"t": 86_400})("t", value) == 0.0
