"""Exactly one final status, whatever is killed: what is known and who is told are written together."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.receipts.gather import Gatherer, Memories, is_wanted
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.consuming.work import Work
from pipeline.receipts.memory import Memory
from pipeline.tracing.spans import MESSAGE_ID, OUTCOME, UNTRACED, Tracing
from schemas.headers.trace import TraceContext
from schemas.messages.dlr import ExpectedReceipt, MessageState, SegmentReceipt, UnmatchedReceipt
from schemas.messages.status import MessageStatus, StatusStage
from schemas.record import InRecord, OutRecord
from schemas.state.roll_up import Match, RollUp
from schemas.topics import (
    DLR_EXPECTED,
    DLR_GATHERED,
    DLR_MATCHED,
    DLR_RECEIVED,
    DLR_UNMATCHED,
    STATUS,
    dead_letter_topic,
)
from tests.builders import CREATED, awaited_status, in_record, segment_receipt, status, uuid
from tests.fakes.tracer import TracerInMemory
from tests.unit.pipeline.receipts.written_table import end_of

PATIENCE = timedelta(hours=72)


class Died(Exception):
    """The process was killed."""


class Broker:
    """The partition's topics: what is committed of those that are read, and what transactions have written."""

    def __init__(self, records: Sequence[InRecord]) -> None:
        self.records = list(records)
        self.position = 0
        self.written: list[OutRecord] = []
        self.dies: str | None = None

    async def write(self, partition: int, records: Sequence[OutRecord]) -> None:
        """Write all or nothing, and die before or after it when that is wanted."""
        assert {it.partition for it in records} <= {partition, None}
        if self.dies == "before":
            raise Died
        self.written += records
        if self.dies == "after":
            raise Died

    def statuses(self) -> list[MessageStatus]:
        return [MessageStatus.from_bytes(it.value or b"") for it in self.written if it.topic == STATUS]


class Polls:
    """Keeps the questions; `pause` says which carriers are asked."""

    def __init__(self) -> None:
        self.pause: dict[str, timedelta] = {}
        self.asked: list[ExpectedReceipt] = []
        self.is_full = False

    def every(self, carrier_id: str) -> timedelta | None:
        return self.pause.get(carrier_id)

    def has_room(self, _: str) -> bool:
        return not self.is_full

    def ask(self, expected: ExpectedReceipt) -> None:
        self.asked.append(expected)


class Life:
    """One life of the agent: its memory is what the topic says."""

    def __init__(self, broker: Broker, tracing: Tracing = UNTRACED) -> None:
        self.broker = broker
        self.now, self.polls = CREATED, Polls()
        self.memories = Memories(Memory(RollUp), Memory(Match))
        for topic, memory in ((DLR_GATHERED, self.memories.messages), (DLR_MATCHED, self.memories.matches)):
            memory.read_back((0, it.key or b"", it.value) for it in broker.written if it.topic == topic)
        self.gatherer = Gatherer(self.memories, broker, PATIENCE, self.polls, self.clock, tracing)

    def clock(self) -> datetime:
        return self.now

    async def take(self, count: int) -> Assignment:
        """Read `count` records from the position on, and work on them."""
        assignment = Assignment()
        works = []
        for offset, record in enumerate(self.broker.records[self.broker.position :][:count], self.broker.position):
            assignment.hand_out(offset)
            works.append(Work(record._replace(offset=offset), assignment))

        async def may_begin(work: Work) -> bool:
            return work.begin()

        await self.gatherer.take(works, may_begin)
        return assignment

    async def until_forgotten(self) -> None:
        """Let time pass until nothing is known."""
        self.now += 10 * PATIENCE
        for _ in range(10):
            await self.gatherer.pass_time(lambda _: True)
            self.now += 10 * PATIENCE


def record_of(event: MessageStatus | SegmentReceipt) -> InRecord:
    topic = STATUS if isinstance(event, MessageStatus) else DLR_RECEIVED
    return in_record(topic, event.to_bytes(), key=event.message_id.encode())


@st.composite
def deaths(draw: st.DrawFn) -> list[tuple[int, str | None]]:
    """Draw how many records are read at once, and where the process dies then."""
    places = st.sampled_from([None, None, "before", "after", "uncommitted"])
    return draw(st.lists(st.tuples(st.integers(1, 4), places), min_size=30, max_size=30))


@settings(max_examples=150)
@given(
    receipts=st.lists(st.tuples(st.integers(1, 3), st.sampled_from(MessageState)), max_size=8),
    place=st.integers(0, 8),
    deaths=deaths(),
)
def test_whatever_is_killed_and_read_again_the_message_ends_once(
    receipts: list[tuple[int, MessageState]], place: int, deaths: list[tuple[int, str | None]]
) -> None:
    """A process that dies before or after a transaction, or before the commit, and reads what it read once more."""
    segments = 3
    success = awaited_status(segments_total=segments, segments_sent=segments)
    events: list[MessageStatus | SegmentReceipt] = [segment_receipt(state, n) for n, state in receipts]
    events.insert(place, success)
    broker = Broker([record_of(it) for it in events])

    async def run() -> None:
        life = Life(broker)
        for count, dies in deaths:
            broker.dies = dies
            try:
                await life.take(count)
                if dies == "uncommitted":
                    raise Died
                broker.position = min(broker.position + count, len(broker.records))
            except Died:
                life = Life(broker)
        broker.dies = None
        await life.take(100)
        await life.until_forgotten()
        assert len(life.memories.messages) == 0

    asyncio.run(run())
    told = broker.statuses()
    assert [it.stage for it in told] == [StatusStage.DELIVERY]
    # A record that is read again says nothing new, so the table sees each of them once and in order.
    expected = next(
        (
            end
            for count in range(place, len(receipts) + 1)
            if (end := end_of(receipts[:count], segments, time_is_over=False))
        ),
        end_of(receipts, segments, time_is_over=True),
    )
    assert told[0].status == expected


async def test_many_messages_share_a_transaction_and_each_has_its_end() -> None:
    """One write for each batch; what does not change is not written."""
    ids = [uuid(number) for number in range(100, 150)]
    records = [record_of(awaited_status(message_id=it)) for it in ids]
    records += [record_of(segment_receipt(message_id=it)) for it in ids] * 2
    broker = Broker(records)
    life = Life(broker)
    assignment = await life.take(len(records))
    assert Counter(it.message_id for it in broker.statuses()) == Counter(ids)
    assert Counter(it.topic for it in broker.written) == {DLR_GATHERED: 50, STATUS: 50}
    assert (assignment.unfinished, assignment.in_progress) == (0, 0)
    await life.take(len(records))
    assert len(broker.written) == 100


async def test_what_cannot_be_read_is_a_dead_letter_and_what_is_not_meant_nothing() -> None:
    """A receipt that is none; a status that only looks like one that is awaited is its other reader's affair."""
    unreadable = in_record(DLR_RECEIVED, b'{"schema_version":1}')
    others = [in_record(STATUS, b'{"receipts":true}'), record_of(status()), in_record(STATUS, None)]
    broker = Broker([unreadable, *others, record_of(segment_receipt())])
    life = Life(broker)
    assignment = await life.take(5)
    outbox = assignment.take_outbox(5)
    assert [it.topic for it in outbox] == [dead_letter_topic(DLR_RECEIVED)]
    assert [it.topic for it in broker.written] == [DLR_GATHERED]


async def test_work_that_is_lost_meanwhile_is_left_to_its_new_owner() -> None:
    """It is not finished: whoever has it now does that."""
    broker = Broker([record_of(awaited_status())])
    life = Life(broker)
    assignment = Assignment(begun_before=None)
    assignment.hand_out(0)
    work = Work(broker.records[0], assignment)

    async def may_begin(work: Work) -> bool:
        begun = work.begin()
        work.assignment.lose()
        return begun

    await life.gatherer.take([work], may_begin)
    assert (assignment.in_progress, assignment.unfinished) == (0, 1)


async def test_nothing_is_due_in_partitions_of_others() -> None:
    """The message waits there until its owner says that its time is over."""
    broker = Broker([record_of(awaited_status())])
    life = Life(broker)
    await life.take(1)
    life.now += 2 * PATIENCE
    assert await life.gatherer.pass_time(lambda _: False) == 0
    assert broker.statuses() == []
    assert await life.gatherer.pass_time(lambda _: True) == 1
    assert [it.status for it in broker.statuses()] == ["UNKNOWN"]


@pytest.mark.parametrize(
    ("topic", "value", "wanted"),
    [
        (STATUS, awaited_status().to_bytes(), True),
        (STATUS, status().to_bytes(), False),
        (STATUS, status(source='"receipts":true').to_bytes(), False),
        (STATUS, None, False),
        (DLR_RECEIVED, segment_receipt().to_bytes(), True),
        (DLR_RECEIVED, None, True),
    ],
)
def test_most_statuses_are_passed_over_at_a_glance(topic: str, value: bytes | None, wanted: bool) -> None:
    """Nobody's text can look like what is awaited, and every receipt is read."""
    assert is_wanted(topic, value) is wanted


EXPECTED = ExpectedReceipt(
    carrier_id=uuid(21), carrier_message_id="c-1", message_id=uuid(61), seqnum=1, accepted_at=CREATED
)
UNMATCHED = UnmatchedReceipt(
    carrier_id=uuid(21), carrier_message_id="c-1", state=MessageState.DELIVERED, received_at=CREATED
)


@pytest.mark.parametrize("first", [DLR_EXPECTED, DLR_UNMATCHED])
@pytest.mark.parametrize("dies", ["before", "after", "uncommitted"])
async def test_a_receipt_by_the_carriers_own_id_finds_its_message_whatever_is_killed(first: str, dies: str) -> None:
    """Whichever comes first is on disk and in the topic; what is passed on is rolled up like any other receipt."""
    records = [in_record(DLR_EXPECTED, EXPECTED.to_bytes()), in_record(DLR_UNMATCHED, UNMATCHED.to_bytes())]
    broker = Broker(records if first == DLR_EXPECTED else records[::-1])
    life = Life(broker)
    await life.take(1)
    broker.position, broker.dies = 1, dies
    with suppress(Died):
        await life.take(1)
    broker.dies = None
    await Life(broker).take(1)
    passed_on = [it for it in broker.written if it.topic == DLR_RECEIVED]
    assert passed_on
    assert {(it.key, it.partition) for it in passed_on} == {(uuid(61).encode(), None)}
    broker.records = [record_of(awaited_status()), *(in_record(it.topic, it.value) for it in passed_on)]
    broker.position = 0
    await Life(broker).take(10)
    assert [it.status for it in broker.statuses()] == ["DELIVERED"]


async def test_ids_of_carriers_are_forgotten_too() -> None:
    """With a tombstone, so that the topic forgets them as well."""
    broker = Broker([in_record(DLR_EXPECTED, EXPECTED.to_bytes())])
    life = Life(broker)
    await life.take(1)
    assert len(life.memories.matches) == 1
    await life.until_forgotten()
    assert len(life.memories.matches) == 0
    assert [(it.topic, it.value) for it in broker.written[1:]] == [(DLR_MATCHED, None)]


async def test_who_does_not_report_is_asked_when_it_is_time_also_in_another_life() -> None:
    """A question that died with its process comes again; what is reported ends the questions."""
    carrier_id, every = uuid(21), timedelta(seconds=30)
    told = ExpectedReceipt(
        carrier_id=carrier_id, carrier_message_id="c-1", message_id=uuid(61), seqnum=1, accepted_at=CREATED
    )
    broker = Broker([in_record(DLR_EXPECTED, told.to_bytes())])

    async def passed(life: Life, since: timedelta) -> int:
        life.now = CREATED + since
        await life.gatherer.pass_time(lambda _: True)
        return len(life.polls.asked)

    first = Life(broker)
    first.polls.pause[carrier_id] = every
    await first.take(1)
    assert await passed(first, every - timedelta(seconds=1)) == 0
    first.polls.is_full = True
    assert await passed(first, every) == 0
    first.polls.is_full = False
    assert await passed(first, 2 * every) == 1
    assert await passed(first, 2 * every) == 1
    second = Life(broker)
    second.polls.pause[carrier_id] = every
    assert await passed(second, 4 * every) == 1
    report = UnmatchedReceipt(
        carrier_id=carrier_id, carrier_message_id="c-1", state=MessageState.DELIVERED, received_at=CREATED
    )
    broker.records.append(in_record(DLR_UNMATCHED, report.to_bytes()))
    broker.position = 1
    await second.take(1)
    assert await passed(second, PATIENCE - timedelta(seconds=1)) == 1


async def test_the_final_status_goes_on_in_the_trace_of_its_message() -> None:
    """Remembered over a restart; its span is as long as the receipt took to come."""
    context, tracer = TraceContext("a" * 32, "b" * 16, sampled=True, state="v=1"), TracerInMemory()
    success = awaited_status()
    broker = Broker([record_of(success)._replace(headers=context.headers()), record_of(segment_receipt())])
    for _ in broker.records:
        life = Life(broker, Tracing(tracer))
        await life.take(1)
        broker.position += 1
    [span] = tracer.spans
    assert (span.name, span.parent, span.ended) == ("receipt", context, True)
    assert span.began_ns == int(success.ended_at.timestamp() * 1e9)
    assert span.attributes == {MESSAGE_ID: success.message_id, OUTCOME: "DELIVERED"}
    [told] = [it for it in broker.written if it.topic == STATUS]
    assert span.context is not None
    assert told.headers == span.context.headers()


async def test_a_final_status_without_a_trace_has_no_headers() -> None:
    """And what is remembered is written as ever."""
    broker = Broker([record_of(awaited_status()), record_of(segment_receipt())])
    await Life(broker).take(2)
    assert [it.headers for it in broker.written] == [()] * len(broker.written)
    assert not any(b"trace" in (it.value or b"").replace(b"trunk", b"") for it in broker.written)
