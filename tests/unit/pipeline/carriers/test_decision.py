"""What follows from an attempt at a segment: a table of outcomes and policies."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.carriers.decision import Progress, Stop, Wait, canceled_in_time, decide, failed, fails_over, succeeded
from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.posting.retry_schedule import RetrySchedule
from schemas.directory.carrier import InDoubtPolicy
from schemas.messages.mt_message import Alternative, MtMessage
from schemas.messages.status import CodeId, MessageStatus, StatusName, StatusStage
from schemas.text.smart_encoding import ChangeStep, TextChange
from schemas.topics import MT_RETRY
from tests import builders
from tests.builders import uuid

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def message(segments: int = 3) -> MtMessage:
    return builders.message(segments, price_per_segment=Decimal("0.0075"), expires_at=NOW + timedelta(hours=1))


DELAYS = (5, 30, 120, 600, 3600)
FIRST = Progress(1, NOW)


def after(
    result: AttemptResult | None,
    *,
    policy: InDoubtPolicy = InDoubtPolicy.GIVE_UP,
    seqnum: int = 1,
    progress: Progress = FIRST,
    delays: tuple[int, ...] = DELAYS,
    now: datetime = NOW,
    lives: timedelta = timedelta(hours=1),
) -> Wait | MessageStatus:
    """Return what follows."""
    sent = message().model_copy(update={"expires_at": NOW + lives})
    return decide(sent, Stop(seqnum, result, now, progress), policy, RetrySchedule(MT_RETRY, delays), "down")


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
    following = after(AttemptResult(outcome, error="HTTP 500"), policy=policy, seqnum=2)
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


@pytest.mark.parametrize("policy", InDoubtPolicy)
@pytest.mark.parametrize("outcome", [None, Outcome.REFUSED, Outcome.NOT_TAKEN, Outcome.IN_DOUBT])
@pytest.mark.parametrize("lives", [timedelta(seconds=1), timedelta(hours=1)])
def test_only_knowledge_ends_doubt(policy: InDoubtPolicy, outcome: Outcome | None, lives: timedelta) -> None:
    """Whatever the repetition comes to, what may have been taken before still may have been."""
    result = None if outcome is None else AttemptResult(outcome, error="HTTP 422")
    following = after(result, policy=policy, progress=Progress(2, NOW, in_doubt=True), lives=lives)
    if isinstance(following, Wait):
        assert following.waiting.in_doubt
    else:
        assert following.code_id is CodeId.IN_DOUBT


@pytest.mark.parametrize(("attempt", "topic"), [(1, "5s"), (2, "30s"), (3, "2m"), (4, "2m"), (90, "2m")])
def test_the_last_delay_repeats(attempt: int, topic: str) -> None:
    """Each attempt has its tier; from the last tier on the message goes round in it."""
    following = after(AttemptResult(Outcome.NOT_TAKEN), progress=Progress(attempt, NOW), delays=(5, 30, 120))
    assert isinstance(following, Wait)
    assert following.topic == f"sms.mt.retry.{topic}"


RING = tuple(Alternative(carrier_id=uuid(n), price_per_segment=Decimal(n)) for n in (22, 23))


@given(
    outcome=st.sampled_from([None, *Outcome]), policy=st.sampled_from(InDoubtPolicy), seqnum=st.integers(1, 3),
    in_doubt=st.booleans(), attempt=st.integers(1, 20),
)  # fmt: skip
def test_only_what_nobody_can_have_taken_goes_to_the_next_carrier(
    outcome: Outcome | None, policy: InDoubtPolicy, seqnum: int, in_doubt: bool, attempt: int
) -> None:
    """Not taken, no segment accepted, and no doubt from before: else it stays where it is."""
    result = None if outcome is None else AttemptResult(outcome, error="HTTP 503", retry_after="600")
    stop = Stop(seqnum, result, NOW, Progress(attempt, NOW, in_doubt))
    sent = message().model_copy(update={"alternatives": RING, "expires_at": NOW + timedelta(days=1)})
    following = decide(sent, stop, policy, RetrySchedule(MT_RETRY, DELAYS), "down")
    moves = outcome is Outcome.NOT_TAKEN and seqnum == 1 and not in_doubt
    assert fails_over(sent, stop) == moves
    if isinstance(following, Wait):
        expected = (uuid(22), uuid(23), uuid(21)) if moves else (uuid(21), uuid(22), uuid(23))
        assert following.waiting.message.carriers == expected
        assert following.waiting.message.price_per_segment == (22 if moves else Decimal("0.0075"))
        if moves:  # another carrier does not ask to be left alone
            assert following.waiting.due_at == NOW + timedelta(seconds=DELAYS[min(max(attempt // 3, 1), 5) - 1])
    else:
        assert not moves
        assert following.carrier_id == uuid(21)


def test_what_ends_instead_of_moving_on_names_the_carrier_that_was_tried() -> None:
    """The next one never heard of it."""
    sent = message().model_copy(update={"alternatives": RING, "expires_at": NOW + timedelta(seconds=5)})
    stop = Stop(1, AttemptResult(Outcome.NOT_TAKEN, error="refused"), NOW, FIRST)
    ended = decide(sent, stop, InDoubtPolicy.GIVE_UP, RetrySchedule(MT_RETRY, DELAYS), "down")
    assert isinstance(ended, MessageStatus)
    assert (ended.code_id, ended.carrier_id) == (CodeId.ALL_ATTEMPTS_FAILED, sent.carrier_id)


def test_time_to_live_ends_the_waiting() -> None:
    """A message that would be due only after its end fails with the contract's code for that."""
    late = NOW + timedelta(minutes=59)
    following = after(AttemptResult(Outcome.NOT_TAKEN), progress=Progress(7, NOW), delays=(60,), now=late)
    assert isinstance(following, MessageStatus)
    assert (following.code_id, following.segments_sent) == (CodeId.ALL_ATTEMPTS_FAILED, 0)


def test_success_counts_every_segment() -> None:
    """The final status carries what the callback needs: segments, price, times."""
    status = MessageStatus.from_bytes(succeeded(message(), NOW + timedelta(seconds=1)).value)
    assert (status.status, status.segments_total, status.segments_sent) == (StatusName.SUCCESS, 3, 3)
    assert (status.price_per_segment, status.accepted_at) == (Decimal("0.0075"), NOW)
    assert status.ended_at == NOW + timedelta(seconds=1)
    assert status.code_id is None


def test_a_success_says_that_receipts_are_awaited() -> None:
    """So the roll-up needs no directory; where nobody wants them nothing is written at all."""
    assert b"receipts" not in succeeded(message(), NOW).value
    status = MessageStatus.from_bytes(succeeded(message().model_copy(update={"receipts": True}), NOW).value)
    assert status.receipts is True


@pytest.mark.parametrize("result", [None, AttemptResult(Outcome.REFUSED)])
def test_an_end_keeps_the_messages_name(result: AttemptResult | None) -> None:
    """Good or bad; where there is none nothing is written at all."""
    sent = message().model_copy(
        update={"client_reference": "order 4711", "tags": ("shop", "Grüße"), "campaign_id": uuid(19)}
    )
    sent = sent.model_copy(update={"callback_url": "https://a.example/x"})
    ended = [
        MessageStatus.from_bytes(succeeded(sent, NOW).value),
        failed(sent, CodeId.IN_DOUBT, "", Stop(1, result, NOW, FIRST)),
    ]
    assert {(it.client_reference, it.tags, it.campaign_id) for it in ended} == {
        ("order 4711", ("shop", "Grüße"), uuid(19))
    }
    assert {it.callback_url for it in ended} == {"https://a.example/x"}
    assert b"callback_url" not in succeeded(message(), NOW).value
    assert b"client_reference" not in succeeded(message(), NOW).value
    assert b"campaign_id" not in succeeded(message(), NOW).value


@pytest.mark.parametrize("result", [None, AttemptResult(Outcome.REFUSED)])
def test_an_end_says_what_became_of_the_text(result: AttemptResult | None) -> None:
    """Good or bad, as the message has it."""
    changes = (TextChange(step=ChangeStep.REPLACED, before="’", after="'", count=2),)
    sent = message().model_copy(update={"text_changes": changes, "national_language": "turkish"})
    for it in (
        MessageStatus.from_bytes(succeeded(sent, NOW).value),
        failed(sent, CodeId.IN_DOUBT, "", Stop(1, result, NOW, FIRST)),
    ):
        assert (it.text_changes, it.national_language) == (changes, "turkish")
    assert b"text_changes" not in succeeded(message(), NOW).value


@given(
    source=st.text(min_size=1, max_size=15),
    price=st.none() | st.decimals(0, 999_999, allow_nan=False, places=6),
    flagged=st.booleans(),
    ended_at=st.datetimes(timezones=st.just(UTC)),
)
def test_what_is_written_unchecked_is_what_the_model_would_write(
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
    following = after(result, progress=Progress(3, NOW), lives=timedelta(days=1))
    assert isinstance(following, Wait)
    assert following.waiting.due_at == NOW + timedelta(seconds=seconds)
    assert following.waiting.attempt == 4


def test_what_was_not_tried_has_lost_no_attempt() -> None:
    """It waits as shortly as there is a tier, whatever attempt it is."""
    progress = Progress(4, NOW - timedelta(hours=1), in_doubt=True, possible_duplicate=True)
    following = after(None, policy=InDoubtPolicy.RESEND, seqnum=2, progress=progress, delays=(600, 30, 3600))
    assert isinstance(following, Wait)
    waiting = following.waiting
    assert (following.topic, waiting.due_at) == ("sms.mt.retry.30s", NOW + timedelta(seconds=30))
    assert (waiting.attempt, waiting.next_seqnum, waiting.last_error) == (4, 2, "down")
    assert (waiting.in_doubt, waiting.possible_duplicate) == (True, True)
    assert waiting.first_attempt_at == NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("left", "in_doubt", "code"),
    [
        (6, False, None),
        (5, False, CodeId.ALL_ATTEMPTS_FAILED),
        (-1, False, CodeId.ALL_ATTEMPTS_FAILED),
        (5, True, CodeId.IN_DOUBT),
    ],
)
def test_the_time_to_live_ends_what_was_not_tried(left: int, in_doubt: bool, code: CodeId | None) -> None:
    """What would be due only after its end fails now, and says why it was not tried."""
    following = after(None, seqnum=2, progress=Progress(1, NOW, in_doubt), lives=timedelta(seconds=left))
    if code is None:
        assert isinstance(following, Wait)
        return
    assert isinstance(following, MessageStatus)
    assert (following.status, following.code_id, following.segments_sent) == (StatusName.FAILED, code, 1)
    assert following.reason == "down"


def test_what_is_cancelled_before_its_turn_has_sent_nothing() -> None:
    """It says of how many segments it would have been, and names no carrier and no price."""
    told = canceled_in_time(builders.message(3, price_per_segment=None), NOW)
    assert (told.status, told.code_id, told.segments_total, told.segments_sent) == (StatusName.CANCELED, None, 3, 0)
    assert (told.carrier_id, told.price_per_segment, told.ended_at) == (None, None, NOW)
