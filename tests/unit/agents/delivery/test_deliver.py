"""One message's way through delivery, with a scripted carrier and a broker that only remembers."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from agents.delivery.carrier_line import CarrierLine
from agents.delivery.deliver import Delivery
from agents.delivery.message_run import Means
from agents.delivery.read import read
from agents.delivery.write import Writer
from pipeline.carriers.decision import failed
from pipeline.carriers.journal import JournalState
from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.directory.model import Directory
from pipeline.errors import InDoubt, NotSent
from pipeline.http.client import Answer
from pipeline.kafka.consuming.assignment import Assignment
from pipeline.kafka.consuming.journal import Journal
from pipeline.kafka.consuming.work import Work
from pipeline.posting.breaker import TRIP_AFTER, BreakerState
from schemas.dead_letter import DeadLetterSource
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.directory.entry import key_of
from schemas.journal import JournalEntry, JournalMark
from schemas.mt_message import DataCoding, MtMessage, Segment, WaitingMessage
from schemas.record import InRecord, OutRecord
from schemas.status import CodeId, MessageStatus, StatusName
from schemas.topics import JOURNAL, SEGMENTED, STATUS
from tests.unit.pipeline.posting.test_breaker import Clock

if TYPE_CHECKING:
    from pipeline.http.client import HttpPoster
    from pipeline.kafka.consuming.consumer import TrackedConsumer
    from pipeline.kafka.views.directory_view import DirectoryView

UUID = "0190f0c0-0000-7000-8000-00000000000{}"
CARRIER = Carrier(
    id=UUID.format(4), name="one", url="http://carrier.example/sms", in_doubt_policy=InDoubtPolicy.GIVE_UP
)


def message(segments: int = 2, lives: timedelta = timedelta(hours=1)) -> MtMessage:
    now = datetime.now(UTC)
    return MtMessage(
        id=UUID.format(1),
        trunk_id=UUID.format(2),
        account_id=UUID.format(3),
        source="12125551234",
        destination="15551234567",
        data_coding=DataCoding.GSM7,
        segments=tuple(Segment(seqnum=n, text=f"part {n}") for n in range(1, segments + 1)),
        carrier_id=CARRIER.id,
        accepted_at=now,
        expires_at=now + lives,
    )


class ScriptedCarrier:
    """Stands for the HTTP client: answers as the script says and keeps what was posted."""

    def __init__(self, *script: int | Exception) -> None:
        self.script = list(script)
        self.posted: list[str] = []
        self.asked: list[str] = []
        self.query_answer = 404
        self.retry_after: str | None = None

    async def get(self, url: str, headers: Mapping[str, str], *, timeout_seconds: float | None = None) -> Answer:
        self.asked.append(url)
        return Answer(self.query_answer, b"{}", None)

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, timeout_seconds: float | None = None
    ) -> Answer:
        assert url == CARRIER.url
        assert headers["idempotency-key"] == json.loads(body)["segment_id"]
        self.posted.append(json.loads(body)["text"])
        following = self.script.pop(0)
        if isinstance(following, Exception):
            raise following
        return Answer(following, b'{"id": "x"}', self.retry_after)


class ViewOf:
    """Stands for the directory's follower: always up to date."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory

    async def catch_up(self) -> None:
        """Nothing is missing."""


class Member:
    """Stands for the consumer: a member of its group for as long as it is told."""

    def __init__(self) -> None:
        self.ours = True

    async def may_begin(self, work: Work) -> bool:
        return work.begin()

    async def is_member(self) -> bool:
        return self.ours

    async def still_ours(self, work: Work) -> bool:
        return self.ours


class Bench:
    """A `Delivery` with everything around it; `marks` are what the journal knew at the start."""

    def __init__(
        self, *script: int | Exception, carrier: Carrier | None = CARRIER, marks: Sequence[JournalEntry] = ()
    ) -> None:
        directory = Directory()
        if carrier is not None:
            directory.apply(key_of(carrier), carrier.to_bytes())
        self.carrier = ScriptedCarrier(*script)
        self.written: list[OutRecord] = []
        self.tracker = Assignment()
        self.member = Member()
        journal = Journal.__new__(Journal)  # only what needs no broker
        journal.state = self.journal_state = JournalState()
        for mark in marks:
            journal.state.apply(mark, 0, {SEGMENTED: 0})

        async def write(groups: Sequence[Sequence[OutRecord]]) -> None:
            assert self.tracker.unfinished == 1, "finished before it was durable"
            self.written += [record for group in groups for record in group]

        journal.write = write  # type: ignore[method-assign]
        self.writer = Writer(journal)
        line = CarrierLine(cast("HttpPoster", self.carrier))
        self.clock = Clock()
        means = Means(cast("DirectoryView", ViewOf(directory)), line, journal, self.writer, (5, 30))
        self.deliver = Delivery(means, self.clock)

    async def hand_in(self, value: bytes | None, topic: str = SEGMENTED) -> None:
        work = Work(InRecord(topic, 0, 7, 0, b"15551234567", value, ()), self.tracker)
        writing = asyncio.create_task(self.writer.run())
        try:
            await self.deliver(read(cast("TrackedConsumer", self.member), work))
            while self.tracker.in_progress and not writing.done():
                await asyncio.sleep(0)
        finally:
            writing.cancel()
            await asyncio.wait([writing])
        if not writing.cancelled():
            writing.result()

    async def trip(self) -> None:
        """Let the carrier fail until it is left alone."""
        self.carrier.script[:0] = [NotSent("refused")] * TRIP_AFTER
        for _ in range(TRIP_AFTER):
            self.tracker.hand_out(7)
            await self.hand_in(message(1).to_bytes())
        self.tracker.take_outbox(8)
        self.carrier.posted.clear()
        self.written.clear()

    async def run(self, value: bytes | None, topic: str = SEGMENTED) -> OutRecord:
        """Deliver one record; return what ended it."""
        self.tracker.hand_out(7)
        await self.hand_in(value, topic)
        assert self.tracker.position == 8
        ends = [it for it in self.written if it.topic != JOURNAL] + self.tracker.take_outbox(8)
        return ends[0]

    @property
    def journal(self) -> list[tuple[str, str]]:
        """The marks written, as (segment number, mark)."""
        entries = [JournalEntry.from_bytes(it.value or b"") for it in self.written if it.topic == JOURNAL]
        return [(it.segment_id.rpartition(":")[2], it.mark.value) for it in entries]


async def test_every_segment_is_posted_in_order_and_the_message_ends_well() -> None:
    """All segments accepted: one Success status keyed by the message id."""
    bench = Bench(202, 200)
    record = await bench.run(message().to_bytes())
    assert bench.carrier.posted == ["part 1", "part 2"]
    assert bench.journal == [("1", "submitting"), ("1", "accepted"), ("2", "submitting"), ("2", "accepted")]
    assert (record.topic, record.key) == ("sms.mt.status", UUID.format(1).encode())
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
    assert (waiting.attempt, waiting.deferred, waiting.last_error) == (1, 1, "carrier blocked")


async def test_a_carrier_that_fails_is_left_alone() -> None:
    """Its messages are moved on without a POST or a mark, as they are, and the reason is theirs."""
    bench = Bench()
    await bench.trip()
    record = await bench.run(message(3).to_bytes())
    assert (bench.carrier.posted, bench.written, record.topic) == ([], [], "sms.mt.retry.5s")
    waiting = WaitingMessage.from_bytes(record.value or b"")
    assert (waiting.attempt, waiting.next_seqnum, waiting.deferred) == (1, 1, 1)
    assert waiting.last_error == "not tried, the carrier is left alone: refused"

    record = await bench.run(waiting.to_bytes(), topic="sms.mt.retry.5s")
    assert record.topic == "sms.mt.retry.30s"
    assert WaitingMessage.from_bytes(record.value or b"").deferred == 2


async def test_a_retry_finds_out_that_the_carrier_is_back() -> None:
    """After the pause one waiting message is posted, and then everybody's."""
    bench = Bench()
    await bench.trip()
    waiting = (await bench.run(message(1).to_bytes())).value
    bench.clock.now += 60
    assert (await bench.run(message(1).to_bytes())).topic == "sms.mt.retry.5s"
    bench.carrier.script = [202, 202]
    assert (await bench.run(waiting, topic="sms.mt.retry.5s")).topic == "sms.mt.status"
    assert (await bench.run(message(1).to_bytes())).topic == "sms.mt.status"
    assert bench.carrier.posted == ["part 1", "part 1"]


async def test_an_attempt_that_fails_resets_how_often_it_was_moved_on() -> None:
    """A probe that is not taken waits as its attempt says."""
    bench = Bench()
    await bench.trip()
    deferred = WaitingMessage.from_bytes((await bench.run(message(1).to_bytes())).value or b"")
    bench.clock.now += 60
    bench.carrier.script = [503]
    record = await bench.run(deferred.model_copy(update={"deferred": 3}).to_bytes(), topic="sms.mt.retry.5s")
    waiting = WaitingMessage.from_bytes(record.value or b"")
    assert (waiting.attempt, waiting.deferred, waiting.last_error) == (2, None, "HTTP 503")


async def test_a_message_in_the_middle_of_its_segments_waits_with_the_rest() -> None:
    """The carrier asked others for a pause while segment 1 was on its way: segment 2 is not tried."""
    bench = Bench(202)
    gate = bench.deliver.gates.of(CARRIER.id)
    other = await gate.enter(later=False)
    assert other is not None
    posting = bench.carrier.post

    async def post_and_trip(*args: Any, **named: Any) -> Answer:
        answer = await posting(*args, **named)
        other.note(AttemptResult(Outcome.NOT_TAKEN, error="busy", status=429, retry_after="60"), datetime.now(UTC))
        return answer

    bench.carrier.post = post_and_trip  # type: ignore[method-assign]
    record = await bench.run(message(3).to_bytes())
    waiting = WaitingMessage.from_bytes(record.value or b"")
    assert (waiting.attempt, waiting.next_seqnum, waiting.deferred, waiting.in_doubt) == (1, 2, 1, False)
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
    bench = Bench(503, 202)
    bench.carrier.retry_after = "20"
    record = await bench.run(message(1).to_bytes())
    assert record.topic == "sms.mt.retry.30s"
    assert WaitingMessage.from_bytes(record.value or b"").attempt == 2
    bench.clock.now += 19
    assert (await bench.run(message(1).to_bytes())).topic == "sms.mt.retry.5s"
    bench.clock.now += 2
    assert (await bench.run(message(1).to_bytes())).topic == "sms.mt.status"
    assert bench.carrier.posted == ["part 1", "part 1"]


async def test_work_that_is_lost_leaves_its_place_at_the_carrier() -> None:
    """Neither a slot nor a probe goes with it."""
    bench = Bench(carrier=CARRIER.model_copy(update={"max_in_flight": 1}))
    bench.member.ours = False
    bench.tracker.hand_out(7)
    for _ in range(3):
        await bench.hand_in(message(1).to_bytes())
    gate = bench.deliver.gates.of(CARRIER.id)
    assert gate.state is BreakerState.CLOSED
    admission = await asyncio.wait_for(gate.enter(later=False), 1)
    assert admission is not None


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


def mark(seqnum: int, kind: JournalMark, at: datetime) -> JournalEntry:
    return JournalEntry(
        segment_id=f"{UUID.format(1)}:{seqnum}",
        mark=kind,
        attempt=1,
        topic=SEGMENTED,
        offset=7,
        at=at,
        carrier_id=CARRIER.id,
        error=None if kind is JournalMark.ACCEPTED else "HTTP 503",
    )


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
    assert bench.carrier.asked == [f"http://carrier.example/sms/{UUID.format(1)}:1"]
    assert (bench.carrier.posted, record.topic) == (posted, topic)
    if topic == "sms.mt.retry.5s":
        assert WaitingMessage.from_bytes(record.value or b"").in_doubt is True


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
async def test_what_an_earlier_life_has_told_is_not_told_again(code_id: CodeId | None, letters: list[str]) -> None:
    """The status is there and its commit was lost: nothing is posted or written but what rides on the commit."""
    bench = Bench(marks=[mark(1, JournalMark.SUBMITTING, datetime.now(UTC))])
    told = failed(message(1), CodeId.IN_DOUBT, "interrupted", 0, datetime.now(UTC))
    bench.journal_state.learn([told.model_copy(update={"code_id": code_id})])
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
