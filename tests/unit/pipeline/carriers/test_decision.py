"""What follows from an attempt at a segment: a table of outcomes and policies."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.carriers.decision import Deferral, Progress, Wait, after_failure, after_no_attempt, succeeded
from pipeline.carriers.outcome import AttemptResult, Outcome
from schemas.directory.carrier import InDoubtPolicy
from schemas.mt_message import DataCoding, MtMessage, Segment
from schemas.status import CodeId, MessageStatus, StatusName, StatusStage

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UUID = "0190f0c0-0000-7000-8000-00000000000{}"


def message(segments: int = 3) -> MtMessage:
    return MtMessage(
        id=UUID.format(1),
        trunk_id=UUID.format(2),
        account_id=UUID.format(3),
        source="12125551234",
        destination="15551234567",
        data_coding=DataCoding.GSM7,
        segments=tuple(Segment(seqnum=n, text="x") for n in range(1, segments + 1)),
        carrier_id=UUID.format(4),
        price_per_segment=Decimal("0.0075"),
        accepted_at=NOW,
        expires_at=NOW + timedelta(hours=1),
    )


@pytest.mark.parametrize(
    ("outcome", "policy", "code"),
    [
        (Outcome.REFUSED, InDoubtPolicy.RESEND, CodeId.ROUTING_FAILED),
        (Outcome.IN_DOUBT, InDoubtPolicy.GIVE_UP, CodeId.IN_DOUBT),
        (Outcome.IN_DOUBT, InDoubtPolicy.QUERY, None),
        (Outcome.IN_DOUBT, InDoubtPolicy.RESEND, None),
        (Outcome.IN_DOUBT, InDoubtPolicy.RESEND_WITH_KEY, None),
        (Outcome.NOT_TAKEN, InDoubtPolicy.GIVE_UP, None),
    ],
)
def test_only_what_may_be_repeated_waits(outcome: Outcome, policy: InDoubtPolicy, code: CodeId | None) -> None:
    """A refusal ends; doubt ends unless the policy allows a repetition; what was not taken waits."""
    result = AttemptResult(outcome, error="HTTP 500")
    following = after_failure(message(), 2, result, policy, Progress(1, NOW), (5, 30), NOW)
    if code is None:
        assert isinstance(following, Wait)
        assert following.topic == "sms.mt.retry.5s"
        assert (following.waiting.attempt, following.waiting.next_seqnum) == (2, 2)
        assert following.waiting.in_doubt == (outcome is Outcome.IN_DOUBT)
        assert following.waiting.possible_duplicate == (outcome is Outcome.IN_DOUBT and policy is InDoubtPolicy.RESEND)
        assert following.waiting.due_at == NOW + timedelta(seconds=5)
    else:
        assert isinstance(following, MessageStatus)
        assert (following.status, following.code_id, following.segments_sent) == (StatusName.FAILED, code, 1)
        assert following.reason == "HTTP 500"


@pytest.mark.parametrize(("attempt", "topic"), [(1, "5s"), (2, "30s"), (3, "2m"), (4, "2m"), (90, "2m")])
def test_the_last_delay_repeats(attempt: int, topic: str) -> None:
    """Each attempt has its tier; from the last tier on the message goes round in it."""
    result = AttemptResult(Outcome.NOT_TAKEN)
    following = after_failure(message(), 1, result, InDoubtPolicy.GIVE_UP, Progress(attempt, NOW), (5, 30, 120), NOW)
    assert isinstance(following, Wait)
    assert following.topic == f"sms.mt.retry.{topic}"


def test_time_to_live_ends_the_waiting() -> None:
    """A message that would be due only after its end fails with the contract's code for that."""
    late = NOW + timedelta(minutes=59)
    following = after_failure(
        message(), 1, AttemptResult(Outcome.NOT_TAKEN), InDoubtPolicy.GIVE_UP, Progress(7, NOW), (60,), late
    )
    assert isinstance(following, MessageStatus)
    assert (following.code_id, following.segments_sent) == (CodeId.ALL_ATTEMPTS_FAILED, 0)


def test_success_counts_every_segment() -> None:
    """The final status carries what the callback needs: segments, price, times."""
    status = MessageStatus.from_bytes(succeeded(message(), NOW + timedelta(seconds=1)).value)
    assert (status.status, status.segments_total, status.segments_sent) == (StatusName.SUCCESS, 3, 3)
    assert (status.price_per_segment, status.accepted_at) == (Decimal("0.0075"), NOW)
    assert status.ended_at == NOW + timedelta(seconds=1)
    assert status.code_id is None


@given(
    source=st.text(min_size=1, max_size=15),
    price=st.none() | st.decimals(0, 999_999, allow_nan=False, places=6),
    flagged=st.booleans(),
    ended_at=st.datetimes(timezones=st.just(UTC)),
)
def test_what_is_written_by_hand_is_what_the_model_would_write(
    source: str, price: Decimal | None, flagged: bool, ended_at: datetime
) -> None:
    """Whatever the sender, the price and the time."""
    sent = message(2).model_copy(update={"source": source, "price_per_segment": price})
    assert MessageStatus.from_bytes(succeeded(sent, ended_at, flagged).value) == MessageStatus(
        message_id=sent.id, trunk_id=sent.trunk_id, account_id=sent.account_id, stage=StatusStage.PROCESSING,
        status=StatusName.SUCCESS, source=source, destination=sent.destination, accepted_at=sent.accepted_at,
        ended_at=ended_at, segments_total=2, segments_sent=2, price_per_segment=price, carrier_id=sent.carrier_id,
        possible_duplicate=flagged or None,
    )  # fmt: skip


DELAYS = (5, 30, 120, 600, 3600)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("0", 5),
        ("5", 5),
        ("6", 30),
        ("120", 120),
        ("Thu, 01 Jan 2026 00:05:00 GMT", 600),
        ("604800", 3600),
        ("soon", 120),  # as if it had said nothing: the third attempt's delay
        (None, 120),
    ],
)
def test_a_carrier_that_says_when_to_come_again_decides_the_delay(retry_after: str | None, seconds: int) -> None:
    """The shortest tier that is not shorter, the longest at most."""
    result = AttemptResult(Outcome.NOT_TAKEN, error="HTTP 503", retry_after=retry_after)
    lives_long = message().model_copy(update={"expires_at": NOW + timedelta(days=1)})
    following = after_failure(lives_long, 1, result, InDoubtPolicy.GIVE_UP, Progress(3, NOW, deferred=2), DELAYS, NOW)
    assert isinstance(following, Wait)
    assert following.waiting.due_at == NOW + timedelta(seconds=seconds)
    assert (following.waiting.attempt, following.waiting.deferred) == (4, None)


@pytest.mark.parametrize(
    ("deferred", "deferral", "topic"),
    [
        (0, Deferral("down"), "sms.mt.retry.5s"),
        (1, Deferral("down"), "sms.mt.retry.30s"),
        (2, Deferral("down"), "sms.mt.retry.2m"),
        (3, Deferral("down"), "sms.mt.retry.10m"),
        (99, Deferral("down"), "sms.mt.retry.10m"),
        (0, Deferral("down", at_least_seconds=5.0), "sms.mt.retry.5s"),
        (0, Deferral("down", at_least_seconds=5.1), "sms.mt.retry.30s"),
        (1, Deferral("down", at_least_seconds=5.1), "sms.mt.retry.30s"),
        (0, Deferral("down", at_least_seconds=100_000.0), "sms.mt.retry.10m"),
        (0, Deferral("busy", 1000.0, 7), "sms.mt.retry.5s"),
        (9, Deferral("busy", 3.0, 1), "sms.mt.retry.5s"),
        (9, Deferral("busy", 130.0, 3), "sms.mt.retry.5s"),
        (9, Deferral("busy", 130.0, 4), "sms.mt.retry.30s"),
        (9, Deferral("busy", 130.0, 5), "sms.mt.retry.2m"),
        (9, Deferral("busy", float("inf"), 3), "sms.mt.retry.10m"),
    ],
)
def test_a_message_that_was_not_tried_waits_ever_longer(deferred: int, deferral: Deferral, topic: str) -> None:
    """Ten minutes at most; for a busy carrier spread over the tiers up to the time that it needs."""
    progress = Progress(1, NOW - timedelta(hours=1), deferred=deferred)
    following = after_no_attempt(message(), 1, deferral, progress, False, DELAYS, NOW)
    assert isinstance(following, Wait)
    waiting = following.waiting
    assert following.topic == topic
    assert (waiting.attempt, waiting.next_seqnum, waiting.deferred) == (1, 1, deferred + 1)
    assert (waiting.first_attempt_at, waiting.last_error) == (NOW - timedelta(hours=1), deferral.why)
    assert (waiting.in_doubt, waiting.possible_duplicate) == (False, False)


def test_doubt_and_flag_stay_while_nothing_is_tried() -> None:
    """A message that may have been taken still may have been taken, however often it is moved on."""
    progress = Progress(4, NOW, in_doubt=True, possible_duplicate=True)
    following = after_no_attempt(message(), 2, Deferral("down"), progress, True, DELAYS, NOW)
    assert isinstance(following, Wait)
    waiting = following.waiting
    assert (waiting.attempt, waiting.next_seqnum, waiting.in_doubt, waiting.possible_duplicate) == (4, 2, True, True)


@pytest.mark.parametrize(
    ("left", "in_doubt", "topic", "code"),
    [
        (601, False, "sms.mt.retry.10m", None),
        (600, False, "sms.mt.retry.2m", None),
        (6, False, "sms.mt.retry.5s", None),
        (5, False, None, CodeId.ALL_ATTEMPTS_FAILED),
        (-1, False, None, CodeId.ALL_ATTEMPTS_FAILED),
        (5, True, None, CodeId.IN_DOUBT),
    ],
)
def test_the_time_to_live_ends_it(left: int, in_doubt: bool, topic: str | None, code: CodeId | None) -> None:
    """A message is looked at once more before it expires, if any tier lets it."""
    short_lived = message().model_copy(update={"expires_at": NOW + timedelta(seconds=left)})
    following = after_no_attempt(short_lived, 2, Deferral("down"), Progress(1, NOW, deferred=5), in_doubt, DELAYS, NOW)
    if topic is None:
        assert isinstance(following, MessageStatus)
        assert (following.status, following.code_id, following.segments_sent) == (StatusName.FAILED, code, 1)
        assert following.reason == "down"
    else:
        assert isinstance(following, Wait)
        assert following.topic == topic


def test_a_schedule_of_long_delays_only_is_used_as_it_is() -> None:
    """An installation without short tiers moves messages on to its shortest one."""
    long_lived = message().model_copy(update={"expires_at": NOW + timedelta(days=1)})
    following = after_no_attempt(long_lived, 1, Deferral("down"), Progress(1, NOW), False, (7200, 3600), NOW)
    assert isinstance(following, Wait)
    assert following.topic == "sms.mt.retry.1h"
