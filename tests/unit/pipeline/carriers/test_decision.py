"""What follows from an attempt at a segment: a table of outcomes and policies."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from pipeline.carriers.decision import Progress, Wait, after_failure, succeeded
from pipeline.carriers.outcome import AttemptResult, Outcome
from schemas.directory import InDoubtPolicy
from schemas.mt_message import DataCoding, MtMessage, Segment
from schemas.status import CodeId, MessageStatus, StatusName

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
    status = succeeded(message(), NOW + timedelta(seconds=1))
    assert (status.status, status.segments_total, status.segments_sent) == (StatusName.SUCCESS, 3, 3)
    assert (status.price_per_segment, status.accepted_at) == (Decimal("0.0075"), NOW)
    assert status.ended_at == NOW + timedelta(seconds=1)
    assert status.code_id is None
