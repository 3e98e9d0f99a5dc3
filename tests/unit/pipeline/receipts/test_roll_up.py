"""One final status, whatever carriers report, and in whatever order."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.receipts.roll_up import (
    MOST_TRUNKS,
    REMEMBERED,
    Step,
    awaited_by,
    note_receipt,
    note_status,
    note_time,
    wants_receipts,
)
from schemas.messages.dlr import MessageState, SegmentReceipt
from schemas.messages.status import MessageStatus, StatusStage
from schemas.state.roll_up import RollUp
from schemas.text.smart_encoding import ChangeStep, TextChange
from tests.builders import CREATED, awaited_status, segment_receipt, status, uuid
from tests.unit.pipeline.receipts.written_table import end_of

PATIENCE = timedelta(hours=72)
SECOND = timedelta(seconds=1)

Event = MessageStatus | SegmentReceipt


def run(events: list[Event], known: RollUp | None = None) -> tuple[RollUp | None, list[MessageStatus]]:
    """Take events in, each time from what a topic would hold; return what is known then, and who was told."""
    told: list[MessageStatus] = []
    for event in events:
        held = None if known is None else RollUp.from_bytes(known.to_bytes())
        step = (
            note_status(held, event, PATIENCE)
            if isinstance(event, MessageStatus)
            else note_receipt(held, event, PATIENCE)
        )
        known, told = step.known, [*told, *step.statuses]
    return known, told


def until_forgotten(known: RollUp | None) -> list[MessageStatus]:
    """Let time pass until nothing is known any more; return who was told."""
    told: list[MessageStatus] = []
    for _ in range(3):
        if known is None:
            return told
        step = note_time(known, known.due_at)
        known, told = step.known, [*told, *step.statuses]
    raise AssertionError(f"still known: {known}")


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, int, list[tuple[int, MessageState]]]:
    """Draw how many segments, after how many receipts the success comes, and the receipts: lost, repeated, mixed."""
    segments = draw(st.integers(1, 10))
    one = st.tuples(st.integers(1, segments), st.sampled_from(MessageState))
    delivered = [(seqnum, MessageState.DELIVERED) for seqnum in range(1, segments + 1)]
    receipts = draw(st.lists(one, max_size=3 * segments))
    if draw(st.booleans()):  # without it, most long messages would never be complete
        receipts = draw(st.permutations(receipts + delivered))
    return segments, draw(st.integers(0, len(receipts))), list(receipts)


@settings(max_examples=1000)
@given(histories())
@example((1, 1, [(1, MessageState.DELIVERED)]))
@example((2, 0, [(1, MessageState.UNDELIVERABLE), (1, MessageState.DELIVERED), (2, MessageState.DELIVERED)]))
@example((1, 0, [(1, MessageState.UNDELIVERABLE), (1, MessageState.DELIVERED)]))
def test_every_history_has_one_final_status_equal_to_the_table(
    history: tuple[int, int, list[tuple[int, MessageState]]],
) -> None:
    """Orders, repeats, contradictions and losses of 1 to 10 segments; a success that comes twice; then the time-out."""
    segments, place, receipts = history
    success = awaited_status(segments_total=segments, segments_sent=segments)
    events: list[Event] = [segment_receipt(state, seqnum) for seqnum, state in receipts]
    events[place:place] = [success, success]
    known, told = run(events)
    told += until_forgotten(known)

    expected = None
    for count in range(place, len(receipts) + 1):
        expected = expected or end_of(receipts[:count], segments, time_is_over=False)
    expected = expected or end_of(receipts, segments, time_is_over=True)
    assert [(it.status, it.stage, it.receipts) for it in told] == [(expected, StatusStage.DELIVERY, None)]


def test_the_end_keeps_the_messages_own_attributes_and_the_segments_detail() -> None:
    """Whoever reads the status needs no other record; `reason` says what went wrong, and where."""
    success = awaited_status(segments_total=3, segments_sent=3, carrier_id=uuid(21), account_id=uuid(1))
    told_already = success.model_copy(
        update={
            "text_changes": (TextChange(step=ChangeStep.REPLACED, before="’", after="'", count=1),),
            "national_language": "turkish",
        }
    )
    receipts = [
        segment_receipt(MessageState.DELIVERED, 1, carrier_message_id="c-1"),
        segment_receipt(MessageState.UNDELIVERABLE, 2, error_code="001", carrier_message_id="c-2"),
        segment_receipt(MessageState.EXPIRED, 3, received_at=CREATED + SECOND),
    ]
    for order in permutations(receipts):
        _, (final,) = run([told_already, *order])
        assert final.model_dump(exclude={"stage", "status", "reason", "ended_at", "segments", "receipts"}) == (
            success.model_dump(exclude={"stage", "status", "reason", "ended_at", "segments", "receipts"})
        )
        assert (final.status, final.reason) == ("FAILED", "segment 2: UNDELIV (error 001), segment 3: EXPIRED")
        assert final.ended_at == CREATED + SECOND
        assert final.segments is not None
        assert [(it.seqnum, it.state, it.error_code, it.carrier_message_id) for it in final.segments] == [
            (1, MessageState.DELIVERED, None, "c-1"),
            (2, MessageState.UNDELIVERABLE, "001", "c-2"),
            (3, MessageState.EXPIRED, None, None),
        ]
        assert final.webhook_id == f"{success.message_id}.delivery"


def test_a_message_that_was_posted_whole_waits_for_one_receipt() -> None:
    """Carriers that cut the text themselves report once."""
    success = awaited_status(segments_total=4, segments_sent=4, posts=1)
    assert awaited_by(success) == 1
    _, told = run([success, segment_receipt()])
    assert [it.status for it in told] == ["DELIVERED"]


def test_what_is_missing_when_the_time_is_over_is_named() -> None:
    """One status, unknown, and nothing before its time."""
    success = awaited_status(segments_total=2, segments_sent=2)
    known, told = run([success, segment_receipt(MessageState.DELIVERED, 2)])
    assert known is not None
    assert (told, known.due_at) == ([], success.ended_at + PATIENCE)
    assert note_time(known, known.due_at - SECOND) == Step(known)
    step = note_time(known, known.due_at)
    (final,) = step.statuses
    assert (final.status, final.reason, final.ended_at) == ("UNKNOWN", "no receipt of 1 of 2 in time", known.due_at)


def test_after_the_end_nothing_changes_and_little_is_remembered() -> None:
    """Late, repeated and contradicting receipts, and a success that is told again."""
    success = awaited_status()
    ended, told = run([success, segment_receipt()])
    assert ended is not None
    assert (len(told), ended.segments, ended.due_at) == (1, (), success.ended_at + PATIENCE)
    again, told = run([segment_receipt(MessageState.UNDELIVERABLE), success, segment_receipt()], ended)
    assert (again, told) == (ended, [])
    waiting, _ = run([success])
    assert waiting is not None
    over = note_time(waiting, waiting.due_at).known
    assert over is not None
    assert over.due_at == success.ended_at + PATIENCE + REMEMBERED


def test_an_early_receipt_waits_for_its_success_and_is_forgotten_without_one() -> None:
    """It came before the carrier's answer; or the message has failed, and nobody waits for it."""
    known, told = run([segment_receipt()])
    assert (told, until_forgotten(known)) == ([], [])
    _, told = run([awaited_status(ended_at=CREATED + 5 * SECOND)], known)
    assert [(it.status, it.ended_at) for it in told] == [("DELIVERED", CREATED + 5 * SECOND)]


def test_trunks_whose_producers_chose_the_same_id_are_each_told_once() -> None:
    """The carrier knows one message; a producer cannot take another trunk's end away with it."""
    ours, theirs = awaited_status(), awaited_status(trunk_id=uuid(12))
    known, told = run([ours, theirs, segment_receipt(), ours, theirs])
    assert sorted(it.trunk_id for it in told) == [uuid(11), uuid(12)]
    late = awaited_status(trunk_id=uuid(13), segments_total=2)
    known, told = run([late, segment_receipt(MessageState.DELIVERED, 2), segment_receipt()], known)
    assert [it.trunk_id for it in told] == [uuid(13)]
    many: list[Event] = [awaited_status(trunk_id=uuid(number)) for number in range(100, 100 + 2 * MOST_TRUNKS)]
    known, _ = run(many)
    assert known is not None
    assert len(known.waiting) == MOST_TRUNKS


@pytest.mark.parametrize(
    ("of", "wanted"),
    [
        (awaited_status(), True),
        (status(), False),
        (awaited_status(stage=StatusStage.DELIVERY), False),
        (awaited_status(receipts=False), False),
    ],
)
def test_only_successes_of_who_wants_receipts_begin_to_wait(of: MessageStatus, wanted: bool) -> None:
    """The roll-up's own statuses are on the same topic."""
    assert wants_receipts(of) is wanted


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"done_at": CREATED - SECOND}, {"at": CREATED - SECOND}),
        ({"done_at": CREATED + timedelta(days=9)}, {"at": CREATED}),
        ({"error_code": "x" * 999}, {"error_code": "x" * 64}),
        ({"carrier_message_id": "y" * 999}, {"carrier_message_id": "y" * 128}),
    ],
)  # fmt: skip
def test_what_a_carrier_writes_is_bounded(changes: dict[str, Any], kept: dict[str, Any]) -> None:
    """A clock that is ahead, a code of a thousand letters."""
    known, _ = run([segment_receipt(**changes)])
    assert known is not None
    assert {name: getattr(known.segments[0], name) for name in kept} == kept
