"""One message's way through delivery, with a scripted carrier and a broker that only remembers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import monotonic
from typing import Any

import pytest

from pipeline.carriers.decision import Progress, Stop, failed
from pipeline.errors import InDoubt, NotSent
from pipeline.http.client import Answer
from pipeline.posting.peers.limit import Limit
from pipeline.posting.peers.peer import News
from pipeline.scheduling.cancellations import Wished
from schemas.directory.carrier import InDoubtPolicy
from schemas.directory.entry import key_of
from schemas.headers.dead_letter import DeadLetterSource
from schemas.messages.mt_message import Alternative, MtMessage, WaitingMessage
from schemas.messages.status import CodeId, MessageStatus, StatusName
from schemas.state.journal import JournalEntry, JournalMark
from schemas.topics import JOURNAL, SEGMENTED, STATUS
from tests.builders import PROFILE_TEXT, profile, uuid, waiting_message
from tests.unit.agents.delivery.bench import CARRIER, OTHER, Bench, mark, message

KEYED = CARRIER.model_copy(update={"in_doubt_policy": InDoubtPolicy.RESEND_WITH_KEY})
ELSEWHERE = (Alternative(carrier_id=OTHER.id, price_per_segment=Decimal(2), currency="EUR"),)


async def test_every_segment_is_posted_in_order_and_the_message_ends_well() -> None:
    """All segments accepted: one Success status keyed by the message id."""
    bench = Bench(202, 200)
    record = await bench.run(message().to_bytes())
    assert bench.carrier.posted == ["part 1", "part 2"]
    assert bench.journal == [("1", "submitting"), ("1", "accepted"), ("2", "submitting"), ("2", "accepted")]
    assert (record.topic, record.key) == ("sms.mt.status", uuid(61).encode())
    status = MessageStatus.from_bytes(record.value or b"")
    assert (status.status, status.segments_sent, status.code_id) == (StatusName.SUCCESS, 2, None)


@pytest.mark.parametrize(
    ("failure", "code"),
    [(400, CodeId.ROUTING_FAILED), (500, CodeId.IN_DOUBT), (InDoubt("reset"), CodeId.IN_DOUBT)],
)
async def test_a_segment_that_may_not_be_repeated_ends_the_message(failure: int | Exception, code: CodeId) -> None:
    """A refusal or a doubt at the second segment: no further POST, Failed, one segment sent."""
    bench = Bench(202, failure)
    record = await bench.run(message(3).to_bytes())
    assert bench.carrier.posted == ["part 1", "part 2"]
    status = MessageStatus.from_bytes(record.value or b"")
    assert (status.status, status.code_id, status.segments_sent) == (StatusName.FAILED, code, 1)


@pytest.mark.parametrize("failure", [429, 503, NotSent("refused")])
async def test_what_was_not_taken_waits_and_goes_on_where_it_stopped(failure: int | Exception) -> None:
    """The waiting record begins with the segment that failed; out of the tier only the rest is posted."""
    bench = Bench(202, failure)
    record = await bench.run(message(3).to_bytes())
    assert (record.topic, record.key) == ("sms.mt.retry.5s", b"15551234567")
    waiting = WaitingMessage.from_bytes(record.value or b"")
    assert (waiting.attempt, waiting.next_seqnum) == (2, 2)

    again = Bench(202, 202)
    record = await again.run(waiting.to_bytes(), topic="sms.mt.retry.5s")
    assert again.carrier.posted == ["part 2", "part 3"]
    status = MessageStatus.from_bytes(record.value or b"")
    assert (status.status, status.segments_sent) == (StatusName.SUCCESS, 3)


CANCELED = Wished(uuid(11), uuid(61), is_bulk=False, at_ms=0)
OF_ITS_BULK = Wished(uuid(11), uuid(99), is_bulk=True, at_ms=0)


@pytest.mark.parametrize("wish", [CANCELED, OF_ITS_BULK])
async def test_a_cancelled_message_is_not_posted(wish: Wished) -> None:
    """It ends as Canceled, with a mark by which a restart looks for that status; there is no dead letter."""
    bench = Bench()
    bench.wishes.add([wish])
    record = await bench.run(message().model_copy(update={"bulk_id": uuid(99), "tags": ("shop",)}).to_bytes())
    assert (bench.carrier.posted, bench.journal, bench.letters) == ([], [("1", "not_sent")], [])
    status = MessageStatus.from_bytes(record.value or b"")
    assert (record.topic, status.status, status.code_id) == (STATUS, StatusName.CANCELED, None)
    assert (status.segments_sent, status.segments_total, status.tags) == (0, 2, ("shop",))
    assert status.reason == "canceled by the customer"


@pytest.mark.parametrize(
    "wish",
    [
        CANCELED._replace(trunk_id=uuid(12)), CANCELED._replace(id=uuid(62)), CANCELED._replace(is_bulk=True),
        OF_ITS_BULK._replace(is_bulk=False), OF_ITS_BULK._replace(trunk_id=uuid(12)),
    ],
)  # fmt: skip
async def test_a_wish_about_something_else_is_nothing(wish: Wished) -> None:
    """Another trunk's, another message's, another bulk's."""
    bench = Bench(202, 202)
    bench.wishes.add([wish])
    record = await bench.run(message().model_copy(update={"bulk_id": uuid(99)}).to_bytes())
    assert MessageStatus.from_bytes(record.value or b"").status == StatusName.SUCCESS


@pytest.mark.parametrize(
    ("changes", "posted"),
    [
        ({}, []),
        ({"next_seqnum": 2}, ["part 2"]),
        ({"possible_duplicate": True}, ["part 1", "part 2"]),
    ],
    ids=str,
)
async def test_what_a_carrier_may_have_is_not_cancelled(changes: dict[str, Any], posted: list[str]) -> None:
    """Of a message in a tier that nobody has taken any of, nothing is sent; what was begun goes on."""
    bench = Bench(202, 202)
    bench.wishes.add([CANCELED])
    waiting = waiting_message(message(), **changes)
    record = await bench.run(waiting.to_bytes(), topic="sms.mt.retry.5s")
    assert bench.carrier.posted == posted
    told = MessageStatus.from_bytes(record.value or b"").status
    assert told == (StatusName.SUCCESS if posted else StatusName.CANCELED)


@pytest.mark.parametrize("kind", [JournalMark.SUBMITTING, JournalMark.ACCEPTED])
async def test_what_an_earlier_life_has_begun_is_not_cancelled(kind: JournalMark) -> None:
    """The carrier may have it, or has it."""
    bench = Bench(202, 202, marks=[mark(1, kind, datetime.now(UTC))], carrier=KEYED)
    bench.wishes.add([CANCELED])
    record = await bench.run(message().to_bytes())
    assert MessageStatus.from_bytes(record.value or b"").status == StatusName.SUCCESS


async def test_a_cancelled_message_that_has_expired_or_whose_carrier_is_gone_was_cancelled() -> None:
    """The customer's own word is what it is told; also where nobody could have sent it."""
    for bench, value in ((Bench(), message(lives=timedelta(0))), (Bench(carrier=None), message())):
        bench.wishes.add([CANCELED])
        record = await bench.run(value.to_bytes())
        assert MessageStatus.from_bytes(record.value or b"").status == StatusName.CANCELED


async def test_an_expired_message_is_not_posted() -> None:
    """After its time to live a message fails with the contract's code and costs nobody a late SMS."""
    bench = Bench()
    record = await bench.run(message(lives=timedelta(seconds=-1)).to_bytes())
    assert bench.carrier.posted == []
    assert MessageStatus.from_bytes(record.value or b"").code_id is CodeId.ALL_ATTEMPTS_FAILED


async def test_an_unknown_carrier_is_a_routing_failure() -> None:
    """A carrier that the directory does not have cannot be posted to."""
    record = await Bench(carrier=None).run(message().to_bytes())
    assert MessageStatus.from_bytes(record.value or b"").code_id is CodeId.ROUTING_FAILED


async def test_a_blocked_carrier_makes_messages_wait() -> None:
    """Blocking a carrier stops its traffic without losing it."""
    bench = Bench(carrier=CARRIER.model_copy(update={"blocked": True}))
    record = await bench.run(message().to_bytes())
    assert bench.carrier.posted == []
    assert record.topic == "sms.mt.retry.5s"
    waiting = WaitingMessage.from_bytes(record.value or b"")
    assert (waiting.attempt, waiting.last_error) == (1, "not tried, the carrier is blocked")


async def test_a_carrier_that_fails_is_left_alone() -> None:
    """What has to be settled then waits without a POST, a mark or an attempt less."""
    bench = Bench()
    await bench.trip()
    record = await bench.run(message(3).to_bytes())
    assert (bench.carrier.posted, bench.written, record.topic) == ([], [], "sms.mt.retry.5s")
    waiting = WaitingMessage.from_bytes(record.value or b"")
    assert (waiting.attempt, waiting.next_seqnum) == (1, 1)
    assert waiting.last_error == "not tried, the carrier is left alone"


async def test_a_message_in_the_middle_of_its_segments_waits_with_the_rest() -> None:
    """The carrier asked others for a pause while segment 1 was on its way: segment 2 is not tried."""
    bench = Bench(202)
    posting = bench.carrier.post

    async def post_and_trip(*args: Any, **named: Any) -> Answer:
        answer = await posting(*args, **named)
        bench.peer.learn(News.THROTTLED, 0.01, error="busy", pause_seconds=60)
        return answer

    bench.carrier.post = post_and_trip  # type: ignore[method-assign]
    record = await bench.run(message(3).to_bytes())
    waiting = WaitingMessage.from_bytes(record.value or b"")
    assert (waiting.attempt, waiting.next_seqnum, waiting.in_doubt) == (1, 2, False)
    assert waiting.last_error == "not tried, the carrier is left alone: busy"
    assert bench.journal == [("1", "submitting"), ("1", "accepted")]


@pytest.mark.parametrize(
    ("policy", "flagged"),
    [(InDoubtPolicy.RESEND, False), (InDoubtPolicy.RESEND_WITH_KEY, False), (InDoubtPolicy.QUERY, False)],
)
async def test_what_is_in_doubt_stays_so_while_the_carrier_is_left_alone(policy: InDoubtPolicy, flagged: bool) -> None:
    """A mark without an outcome goes into the tier as doubt; nobody is asked and nothing is posted."""
    carrier = CARRIER.model_copy(update={"in_doubt_policy": policy})
    bench = Bench(carrier=carrier)
    await bench.trip()
    bench.journal_state.apply(mark(1, JournalMark.SUBMITTING, datetime.now(UTC)), 0, {SEGMENTED: 0})
    record = await bench.run(message(1).to_bytes())
    waiting = WaitingMessage.from_bytes(record.value or b"")
    assert (bench.carrier.posted, bench.carrier.asked) == ([], [])
    assert (waiting.in_doubt, waiting.possible_duplicate, waiting.attempt) == (True, flagged, 1)


async def test_what_may_not_be_repeated_ends_also_while_the_carrier_is_left_alone() -> None:
    """Giving up takes no carrier."""
    bench = Bench()
    await bench.trip()
    bench.journal_state.apply(mark(1, JournalMark.SUBMITTING, datetime.now(UTC)), 0, {SEGMENTED: 0})
    status = MessageStatus.from_bytes((await bench.run(message(1).to_bytes())).value or b"")
    assert status.code_id is CodeId.IN_DOUBT


async def test_what_was_settled_before_a_restart_ends_also_while_the_carrier_is_left_alone() -> None:
    """Accepted is accepted."""
    bench = Bench()
    await bench.trip()
    bench.journal_state.apply(mark(1, JournalMark.ACCEPTED, datetime.now(UTC)), 0, {SEGMENTED: 0})
    status = MessageStatus.from_bytes((await bench.run(message(1).to_bytes())).value or b"")
    assert status.status == StatusName.SUCCESS


async def test_retry_after_pauses_the_carrier_and_chooses_the_tier() -> None:
    """The message waits in the shortest tier that is long enough, and nobody is tried before the pause is over."""
    bench = Bench(503)
    bench.carrier.retry_after = "20"
    record = await bench.run(message(1).to_bytes())
    assert record.topic == "sms.mt.retry.30s"
    assert WaitingMessage.from_bytes(record.value or b"").attempt == 2
    bench.clock.now += 19
    assert (bench.peer.away, bench.peer.wants_probe) == (True, False)
    bench.clock.now += 2
    assert (bench.peer.away, bench.peer.wants_probe) == (True, True)


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"{}", b"[]", b"[" * 10_000])
async def test_an_unreadable_record_becomes_a_dead_letter_with_its_bytes(value: bytes | None) -> None:
    """Bad bytes are kept as they were, with their coordinates and a stable reason."""
    record = await Bench().run(value)
    assert (record.topic, record.key, record.value) == ("sms.mt.segmented.dead-letter", b"15551234567", value)
    origin = DeadLetterSource.from_headers(record.headers)
    assert (origin.topic, origin.partition, origin.offset) == (SEGMENTED, 0, 7)
    assert (origin.stage, origin.reason) == ("delivery", "schema-violation")


async def test_a_record_that_is_no_longer_ours_is_left_alone() -> None:
    """After its partition has been closed a record is neither posted nor finished."""
    bench = Bench(202)
    bench.tracker.hand_out(7)
    bench.tracker.closed = True
    await bench.hand_in(message().to_bytes())
    assert (bench.carrier.posted, bench.written, bench.tracker.position) == ([], [], None)


async def test_work_that_is_lost_after_its_mark_is_not_posted() -> None:
    """A process that finds itself expelled right before the POST leaves the segment in doubt to the new owner."""
    bench = Bench(202)
    bench.member.ours = False
    bench.tracker.hand_out(7)
    await bench.hand_in(message().to_bytes())
    assert (bench.carrier.posted, bench.journal) == ([], [("1", "submitting")])
    assert (bench.tracker.position, bench.tracker.in_progress) == (None, 0)


async def test_what_was_settled_before_a_restart_is_not_posted_again() -> None:
    """All segments accepted, the status lost: it is written again, with the time of the last acceptance."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    bench = Bench(marks=[mark(1, JournalMark.ACCEPTED, at), mark(2, JournalMark.ACCEPTED, at)])
    status = MessageStatus.from_bytes((await bench.run(message().to_bytes())).value or b"")
    assert bench.carrier.posted == []
    assert (status.status, status.ended_at, status.possible_duplicate) == (StatusName.SUCCESS, at, None)


async def test_a_restart_goes_on_with_the_first_segment_that_is_not_settled() -> None:
    """Accepted before, not tried after: only what is missing is posted."""
    bench = Bench(202, marks=[mark(1, JournalMark.ACCEPTED, datetime.now(UTC))])
    await bench.run(message().to_bytes())
    assert bench.carrier.posted == ["part 2"]


async def test_a_failure_that_was_settled_before_a_restart_leads_where_it_led() -> None:
    """A segment known not to be taken goes to the retry tier without another POST."""
    bench = Bench(marks=[mark(1, JournalMark.NOT_SENT, datetime.now(UTC))])
    record = await bench.run(message().to_bytes())
    assert (bench.carrier.posted, record.topic) == ([], "sms.mt.retry.5s")


@pytest.mark.parametrize(
    ("policy", "posted", "status", "flagged", "script"),
    [
        (InDoubtPolicy.GIVE_UP, [], StatusName.FAILED, None, []),
        (InDoubtPolicy.RESEND_WITH_KEY, ["part 1"], StatusName.SUCCESS, None, [202]),
        (InDoubtPolicy.RESEND, ["part 1"], StatusName.SUCCESS, True, [202]),
    ],
)
async def test_a_segment_in_doubt_is_treated_as_the_policy_says(
    policy: InDoubtPolicy, posted: list[str], status: StatusName, flagged: bool | None, script: list[int]
) -> None:
    """A mark without an outcome: given up, posted again with its key, or posted again and flagged."""
    carrier = CARRIER.model_copy(update={"in_doubt_policy": policy})
    bench = Bench(*script, carrier=carrier, marks=[mark(1, JournalMark.SUBMITTING, datetime.now(UTC))])
    ended = MessageStatus.from_bytes((await bench.run(message(1).to_bytes())).value or b"")
    assert bench.carrier.posted == posted
    assert (ended.status, ended.possible_duplicate) == (status, flagged)
    assert (ended.code_id is CodeId.IN_DOUBT) == (policy is InDoubtPolicy.GIVE_UP)


@pytest.mark.parametrize(
    ("answer", "posted", "topic"),
    [(200, [], "sms.mt.status"), (404, ["part 1"], "sms.mt.status"), (500, [], "sms.mt.retry.5s")],
)
async def test_a_carrier_that_can_be_asked_settles_the_doubt(answer: int, posted: list[str], topic: str) -> None:
    """It has the segment: done; it has not: posted; it does not say: asked again later."""
    carrier = CARRIER.model_copy(update={"in_doubt_policy": InDoubtPolicy.QUERY})
    bench = Bench(202, carrier=carrier, marks=[mark(1, JournalMark.SUBMITTING, datetime.now(UTC))])
    bench.carrier.query_answer = answer
    record = await bench.run(message(1).to_bytes())
    assert bench.carrier.asked == [f"http://carrier.example/sms/{uuid(61)}:1"]
    assert (bench.carrier.posted, record.topic) == (posted, topic)
    if topic == "sms.mt.retry.5s":
        assert WaitingMessage.from_bytes(record.value or b"").in_doubt is True


@pytest.mark.parametrize(
    ("policy", "answer", "code"),
    [
        (InDoubtPolicy.RESEND_WITH_KEY, 409, None),  # the first POST is still in progress
        (InDoubtPolicy.RESEND_WITH_KEY, 422, CodeId.IN_DOUBT),
        (InDoubtPolicy.RESEND_WITH_KEY, 400, CodeId.IN_DOUBT),
        (InDoubtPolicy.RESEND, 409, CodeId.IN_DOUBT),
        (InDoubtPolicy.RESEND, 400, CodeId.IN_DOUBT),
        (InDoubtPolicy.QUERY, 400, CodeId.ROUTING_FAILED),  # the carrier was asked, and has not got it
    ],
)
async def test_a_refused_repetition_says_nothing_of_what_it_repeats(
    policy: InDoubtPolicy, answer: int, code: CodeId | None
) -> None:
    """The first POST may have been taken: an operator gets the record to settle, and nobody is told of no SMS."""
    carrier = CARRIER.model_copy(update={"in_doubt_policy": policy})
    bench = Bench(answer, carrier=carrier, marks=[mark(1, JournalMark.SUBMITTING, datetime.now(UTC))])
    end = await bench.run(message(1).to_bytes())
    if code is None:
        waiting = WaitingMessage.from_bytes(end.value or b"")
        assert (waiting.in_doubt, waiting.last_error) == (True, "HTTP 409: in progress")
        assert not bench.peer.away
        return
    assert MessageStatus.from_bytes(end.value or b"").code_id is code
    assert bench.letters == (["in-doubt"] if code is CodeId.IN_DOUBT else [])


@pytest.mark.parametrize(
    ("marks", "in_doubt", "sent", "end"),
    [
        ([], False, 0, CodeId.ROUTING_FAILED),
        ([], True, 0, CodeId.IN_DOUBT),
        ([JournalMark.SUBMITTING], False, 0, CodeId.IN_DOUBT),
        ([JournalMark.ACCEPTED], False, 1, CodeId.ROUTING_FAILED),
        ([JournalMark.ACCEPTED, JournalMark.SUBMITTING], False, 1, CodeId.IN_DOUBT),
        ([JournalMark.ACCEPTED, JournalMark.ACCEPTED], False, 2, None),
    ],
)
async def test_what_a_deleted_carrier_has_taken_stays_taken(
    marks: list[JournalMark], in_doubt: bool, sent: int, end: CodeId | None
) -> None:
    """What is known counts, what is in doubt stays so and leaves a dead letter, and the rest is refused."""
    at = datetime.now(UTC)
    known = [mark(seqnum, it, at) for seqnum, it in enumerate(marks, 1)]
    waiting = WaitingMessage(
        message=message(2), attempt=2, next_seqnum=1, first_attempt_at=at, due_at=at, last_error="HTTP 500",
        in_doubt=in_doubt,
    )  # fmt: skip
    tier = "sms.mt.retry.5s"
    bench = Bench(carrier=None)
    for it in known:
        bench.journal_state.apply(it.model_copy(update={"topic": tier}), 0, {tier: 0})
    status = MessageStatus.from_bytes((await bench.run(waiting.to_bytes(), tier)).value or b"")
    assert (status.code_id, status.segments_sent, bench.carrier.posted) == (end, sent, [])
    assert bench.letters == (["in-doubt"] if end is CodeId.IN_DOUBT else [])


async def test_giving_up_leaves_a_dead_letter_that_an_operator_can_settle() -> None:
    """The record itself is kept beside the failed status."""
    bench = Bench(marks=[mark(1, JournalMark.SUBMITTING, datetime.now(UTC))])
    value = message(1).to_bytes()
    bench.tracker.hand_out(7)
    await bench.hand_in(value)
    (letter,) = bench.tracker.take_outbox(8)
    assert (letter.topic, letter.value) == ("sms.mt.segmented.dead-letter", value)
    assert DeadLetterSource.from_headers(letter.headers).reason == "in-doubt"


@pytest.mark.parametrize(("code_id", "letters"), [(None, []), (CodeId.IN_DOUBT, ["in-doubt"])])
async def test_what_was_reported_by_an_earlier_life_stays_so(code_id: CodeId | None, letters: list[str]) -> None:
    """The status is there and its commit was lost: nothing is posted or written but what rides on the commit."""
    bench = Bench(marks=[mark(1, JournalMark.SUBMITTING, datetime.now(UTC))])
    at = datetime.now(UTC)
    reported = failed(message(1), CodeId.IN_DOUBT, "interrupted", Stop(1, None, at, Progress(1, at)))
    bench.journal_state.learn(reported.model_copy(update={"code_id": code_id}))
    bench.tracker.hand_out(7)
    await bench.hand_in(message(1).to_bytes())
    assert (bench.tracker.position, bench.carrier.posted, bench.written) == (8, [], [])
    reasons = [DeadLetterSource.from_headers(it.headers).reason for it in bench.tracker.take_outbox(8)]
    assert reasons == letters
    assert len(bench.journal_state) == 0


@pytest.mark.parametrize(
    ("bench", "lives", "expected"),
    [
        pytest.param(Bench(), timedelta(seconds=-1), [("1", "not_sent")], id="expired"),
        pytest.param(Bench(carrier=None), timedelta(hours=1), [("1", "not_sent")], id="carrier-unknown"),
        pytest.param(Bench(202), timedelta(hours=1), [("1", "submitting"), ("1", "accepted")], id="posted"),
    ],
)
async def test_an_end_without_a_post_is_marked_too(
    bench: Bench, lives: timedelta, expected: list[tuple[str, str]]
) -> None:
    """A restart looks for the statuses of what has marks, so whatever has a status has one."""
    record = await bench.run(message(1, lives).to_bytes())
    assert record.topic == STATUS
    assert bench.journal == expected


async def test_an_error_of_ours_over_one_message_ends_that_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """A status that says so, and a dead letter with the error's type and place; the agent goes on."""
    monkeypatch.setattr("agents.delivery.deliver.decide", lambda *_: 1 // 0)
    bench = Bench(202, 503)
    record = await bench.run(message(3).to_bytes())
    ended = MessageStatus.from_bytes(record.value or b"")
    assert (ended.status, ended.code_id, ended.segments_sent) == (StatusName.FAILED, CodeId.INTERNAL_ERROR, 1)
    assert "ZeroDivisionError" in (ended.reason or "")
    assert bench.letters == ["internal-error"]


async def test_an_error_of_ours_between_mark_and_outcome_leaves_it_in_doubt() -> None:
    """The POST may have gone out: an operator can settle the dead letter."""
    bench = Bench(202, ZeroDivisionError())
    record = await bench.run(message(3).to_bytes())
    ended = MessageStatus.from_bytes(record.value or b"")
    assert (ended.status, ended.code_id, ended.segments_sent) == (StatusName.FAILED, CodeId.IN_DOUBT, 1)
    assert bench.letters == ["in-doubt"]


async def test_an_error_of_ours_over_reading_a_record_makes_it_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is posted."""
    monkeypatch.setattr("agents.delivery.line_up.MtMessage.from_bytes", lambda _: 1 // 0)
    bench = Bench()
    record = await bench.run(message().to_bytes())
    assert DeadLetterSource.from_headers(record.headers).reason == "schema-violation"
    assert bench.carrier.posted == []


# The next carrier.


def movable(segments: int = 2) -> MtMessage:
    return message(segments).model_copy(update={"alternatives": ELSEWHERE, "price_per_segment": Decimal(1)})


@pytest.mark.parametrize("failure", [429, 503, NotSent("refused")])
async def test_what_a_carrier_has_definitely_not_taken_goes_to_the_next(failure: int | Exception) -> None:
    """With the price that it has there; the first one is then the next."""
    record = await Bench(failure).run(movable().to_bytes())
    assert record.topic == "sms.mt.retry.5s"
    waiting = WaitingMessage.from_bytes(record.value or b"")
    assert (waiting.attempt, waiting.next_seqnum, waiting.in_doubt) == (2, 1, False)
    assert waiting.message.carriers == (OTHER.id, CARRIER.id)
    assert (waiting.message.price_per_segment, waiting.message.currency) == (Decimal(2), "EUR")

    bench = Bench(202, 202, through=OTHER)
    record = await bench.run(waiting.to_bytes(), topic="sms.mt.retry.5s")
    status = MessageStatus.from_bytes(record.value or b"")
    assert (status.status, status.carrier_id) == (StatusName.SUCCESS, OTHER.id)
    assert (status.price_per_segment, status.currency) == (Decimal(2), "EUR")


@pytest.mark.parametrize(
    ("script", "ends"),
    [((202, 503), False), ((500,), True), ((InDoubt("reset"),), True), ((400,), True), ((202, 500), True)],
)
async def test_what_may_have_been_taken_stays(script: tuple[int | Exception, ...], ends: bool) -> None:
    """In doubt, refused, or with a segment that was accepted: no other carrier hears of it."""
    record = await Bench(*script).run(movable().to_bytes())
    if ends:
        assert MessageStatus.from_bytes(record.value or b"").carrier_id == CARRIER.id
    else:
        waiting = WaitingMessage.from_bytes(record.value or b"")
        assert (waiting.message.carrier_id, waiting.next_seqnum) == (CARRIER.id, 2)


async def test_whoever_has_its_turn_gets_what_nobody_has_tried() -> None:
    """A message that moved on while it waited; its marks and its status name the carrier that it went to."""
    bench = Bench(202, 202, through=OTHER)
    record = await bench.run(movable().to_bytes())
    assert bench.carrier.posted == ["part 1", "part 2"]
    status = MessageStatus.from_bytes(record.value or b"")
    assert (status.carrier_id, status.price_per_segment) == (OTHER.id, Decimal(2))
    marks = {JournalEntry.from_bytes(it.value or b"").carrier_id for it in bench.written if it.topic == JOURNAL}
    assert marks == {OTHER.id}


@pytest.mark.parametrize("kind", [JournalMark.SUBMITTING, JournalMark.NOT_SENT])
async def test_after_a_restart_the_marks_say_whose_a_message_is(kind: JournalMark) -> None:
    """What was in doubt at the second carrier ends there, by its policy; what it had not taken goes on from there."""
    marked = mark(1, kind, datetime.now(UTC)).model_copy(update={"carrier_id": OTHER.id})
    bench = Bench(marks=[marked])
    bench.peer.blocked = True
    record = await bench.run(movable().to_bytes())
    if kind is JournalMark.SUBMITTING:
        status = MessageStatus.from_bytes(record.value or b"")
        assert (status.code_id, status.carrier_id) == (CodeId.IN_DOUBT, OTHER.id)
    else:
        assert WaitingMessage.from_bytes(record.value or b"").message.carrier_id == CARRIER.id


async def test_what_a_deleted_carrier_cannot_take_goes_to_the_next_and_leaves_a_mark() -> None:
    """The mark shows a later life that somebody has worked here."""
    bench = Bench(carrier=None)
    record = await bench.run(movable().to_bytes())
    assert WaitingMessage.from_bytes(record.value or b"").message.carrier_id == OTHER.id
    assert bench.journal == [("1", "not_sent")]


async def test_a_segment_waits_for_its_turn_at_a_carrier_with_a_limit() -> None:
    """The first has its token with the turn; the second is only posted when there is another."""
    bench = Bench(202, 202)
    bench.peer.rate = Limit(monotonic, 20, 1, 1.0)
    began = monotonic()
    await bench.run(message(2).to_bytes())
    assert bench.carrier.posted == ["part 1", "part 2"]
    assert monotonic() - began >= 0.04


async def test_a_whole_text_counts_as_its_segments() -> None:
    """It is one POST, and the carrier makes as many of it."""
    whole = profile(text=PROFILE_TEXT.replace("request:", "sends: whole_text\nrequest:"))
    bench = Bench(carrier=CARRIER.model_copy(update={"profile": whole.id}))
    bench.directory.apply(key_of(whole), whole.to_bytes())
    bench.carrier.query_answer = 200
    bench.peer.rate = Limit(monotonic, 20, 1, 1.0)
    began = monotonic()
    await bench.run(message(3).to_bytes())
    assert len(bench.carrier.asked) == 1  # this one is spoken to with GET
    assert monotonic() - began >= 0.09


async def test_what_expires_while_it_waits_for_its_turn_is_not_posted() -> None:
    """A limit is no reason to send late."""
    bench = Bench(202)
    bench.peer.rate = Limit(monotonic, 1, 1, 0.5)
    record = await bench.run(message(2, timedelta(seconds=0.3)).to_bytes())
    assert bench.carrier.posted == ["part 1"]
    status = MessageStatus.from_bytes(record.value or b"")
    assert (status.code_id, status.segments_sent) == (CodeId.ALL_ATTEMPTS_FAILED, 1)
