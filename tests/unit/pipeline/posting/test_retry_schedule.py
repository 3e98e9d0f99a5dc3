"""When a failed notification is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.kafka.consuming.retry_tiers import wait_in
from pipeline.posting.retry_schedule import NextAttempt, after_deferral, after_failure, outlived, wait_seconds
from schemas.callback import WaitingNotification
from schemas.identifiers import uuid7
from schemas.status import MessageStatus, StatusStage
from schemas.topics import CALLBACK_DELAYS_SECONDS

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_every_failure_takes_the_next_tier_until_none_is_left() -> None:
    """Attempt n waits in tier n; the one after the last tier was the last, 75.6 hours after the first."""
    at, attempt, topics = NOW, 1, []
    while (following := after_failure(attempt, at, CALLBACK_DELAYS_SECONDS)) is not None:
        topics.append(following.topic.removeprefix("sms.callback.retry."))
        at, attempt = following.due_at, following.attempt
    assert topics == ["5s", "30s", "2m", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h"]
    assert attempt == 12
    assert at - NOW == timedelta(hours=75, minutes=37, seconds=35)


@pytest.mark.parametrize(
    ("attempt", "delays", "expected"),
    [
        (1, (), None),
        (1, (7,), NextAttempt("sms.callback.retry.7s", 2, NOW + timedelta(seconds=7))),
        (2, (7,), None),
        (9, (7, 60), None),
    ],
)
def test_a_schedule_may_be_short_or_shortened(
    attempt: int, delays: tuple[int, ...], expected: NextAttempt | None
) -> None:
    """No tiers means one attempt; attempts beyond a schedule that was cut are not made."""
    assert after_failure(attempt, NOW, delays) == expected


@pytest.mark.parametrize(
    ("due_in", "expected"),
    [(timedelta(seconds=3), 3.0), (timedelta(0), 0.0), (timedelta(days=-400), 0.0), (timedelta(days=400), 30.0)],
)
def test_a_wait_is_never_negative_and_never_longer_than_the_tiers_delay(due_in: timedelta, expected: float) -> None:
    """A stepped clock or a made-up time cannot stop a tier."""
    assert wait_seconds(NOW + due_in, NOW, 30) == expected


def waiting(due_at: datetime) -> bytes:
    status = MessageStatus(
        message_id=uuid7(), trunk_id=uuid7(), stage=StatusStage.PROCESSING, status="Success",
        source="12125551234", destination="15551234567", accepted_at=NOW, ended_at=NOW,
    )  # fmt: skip
    return WaitingNotification(
        status=status, attempt=2, first_attempt_at=NOW, due_at=due_at, last_error="status 503"
    ).to_bytes()


def test_a_waiting_record_says_itself_how_long() -> None:
    """The rule reads `due_at` and knows each tier's delay by its topic."""
    wait = wait_in({"sms.callback.retry.5s": 5, "sms.callback.retry.1h": 3600})
    far = waiting(datetime.now(UTC) + timedelta(days=1))
    assert wait("sms.callback.retry.5s", far) == 5.0
    assert wait("sms.callback.retry.1h", far) == 3600.0
    assert wait("sms.callback.retry.1h", waiting(NOW - timedelta(days=400))) == 0.0


@pytest.mark.parametrize("value", [None, b"", b"nonsense", b"{}", b'{"due_at": "soon"}', b'{"due_at": 1}'])
def test_an_unreadable_record_is_due_at_once(value: bytes | None) -> None:
    """It becomes a dead letter now; waiting would not mend it and would hide it."""
    assert wait_in({"t": 86_400})("t", value) == 0.0


@pytest.mark.parametrize(
    ("at_least", "expected"),
    [(0.0, "30s"), (30.0, "30s"), (31.0, "2m"), (3000.0, "2h"), (86_400.0, "24h"), (1e9, "24h")],
)
def test_an_endpoint_that_asks_for_a_pause_gets_the_next_longer_tier(at_least: float, expected: str) -> None:
    """Never an earlier one than that whose turn it is, and the longest where none is long enough."""
    following = after_failure(2, NOW, CALLBACK_DELAYS_SECONDS, at_least)
    assert following is not None
    assert (following.topic.rpartition(".")[2], following.attempt) == (expected, 3)


@pytest.mark.parametrize(
    ("attempt", "deferred", "at_least", "soon", "expected"),
    [
        (1, 0, 0.0, False, "5s"),
        (1, 1, 0.0, False, "30s"),
        (1, 99, 0.0, False, "30m"),
        (3, 1, 0.0, False, "5m"),
        (12, 0, 0.0, False, "30m"),  # what was not tried does not wait for a day
        (1, 0, 40.0, False, "2m"),
        (1, 0, 1e9, False, "30m"),
        (3, 5, 5.0, True, "5s"),
        (3, 5, 6.0, True, "30s"),
    ],
)
def test_what_is_deferred_goes_a_tier_further_each_time(
    attempt: int, deferred: int, at_least: float, soon: bool, expected: str
) -> None:
    """Up to half an hour; the attempt stays what it was, because it was not made."""
    following = after_deferral(attempt, deferred, NOW, CALLBACK_DELAYS_SECONDS, at_least, soon=soon)
    assert following is not None
    assert (following.topic.rpartition(".")[2], following.attempt) == (expected, attempt)


@pytest.mark.parametrize(("delays", "expected"), [((), None), ((3600, 7200), "1h"), ((60, 5), "5s")])
def test_deferral_makes_do_with_any_schedule(delays: tuple[int, ...], expected: str | None) -> None:
    """One without short tiers, without order, or without any."""
    following = after_deferral(1, 0, NOW, delays, 0.0)
    assert (following and following.topic.rpartition(".")[2]) == expected


def test_what_waits_without_attempts_ends_with_the_schedule() -> None:
    """After as long as all tiers together."""
    assert not outlived(NOW - timedelta(seconds=35), NOW, (5, 30))
    assert outlived(NOW - timedelta(seconds=36), NOW, (5, 30))
