"""Carriers that report by an id of their own: whichever comes first waits for the other."""

from datetime import timedelta
from itertools import pairwise, permutations

import pytest

from pipeline.receipts.matching import MatchStep, note_expected, note_time, note_unmatched
from schemas.messages.dlr import ExpectedReceipt, MessageState, SegmentReceipt, UnmatchedReceipt
from schemas.state.roll_up import Match
from tests.builders import CREATED, uuid

PATIENCE = timedelta(hours=72)
EXPECTED = ExpectedReceipt(
    carrier_id=uuid(21), carrier_message_id="c-1", message_id=uuid(61), seqnum=2, accepted_at=CREATED
)


def unmatched(state: MessageState, error_code: str | None = None) -> UnmatchedReceipt:
    return UnmatchedReceipt(
        carrier_id=uuid(21), carrier_message_id="c-1", state=state, error_code=error_code, received_at=CREATED
    )


def run(
    *events: ExpectedReceipt | UnmatchedReceipt, known: Match | None = None
) -> tuple[Match | None, list[SegmentReceipt]]:
    passed_on: list[SegmentReceipt] = []
    for event in events:
        held = None if known is None else Match.from_bytes(known.to_bytes())
        step: MatchStep = (
            note_expected(held, event, PATIENCE)
            if isinstance(event, ExpectedReceipt)
            else note_unmatched(held, event, PATIENCE)
        )
        known = step.known
        passed_on += [] if step.receipt is None else [step.receipt]
    return known, passed_on


def test_in_any_order_the_strongest_receipt_is_passed_on_about_its_segment() -> None:
    """Once, or more often: the roll-up takes what comes twice."""
    events: tuple[ExpectedReceipt | UnmatchedReceipt, ...] = (
        EXPECTED,
        unmatched(MessageState.ENROUTE),
        unmatched(MessageState.DELIVERED, "000"),
    )
    for order in permutations(events):
        known, passed_on = run(*order)
        assert known is not None
        assert known.expected == EXPECTED
        assert {(it.message_id, it.seqnum, it.carrier_message_id) for it in passed_on} == {(uuid(61), 2, "c-1")}
        assert max(it.state for it in passed_on if it.state.is_final) is MessageState.DELIVERED
        assert (passed_on[0].error_code, passed_on[-1].error_code).count("000") >= 1


@pytest.mark.parametrize("weaker", [MessageState.ENROUTE, MessageState.UNKNOWN, MessageState.DELIVERED])
def test_what_waits_is_one_receipt(weaker: MessageState) -> None:
    """A weaker or repeated one changes nothing, so that nothing grows while nobody knows the id."""
    first, _ = run(unmatched(MessageState.DELIVERED, "001"))
    again, passed_on = run(unmatched(weaker), known=first)
    assert (again, passed_on) == (first, [])


def test_an_id_that_is_used_again_stands_for_the_latest_segment() -> None:
    """A carrier may count in small numbers."""
    later = EXPECTED.model_copy(update={"message_id": uuid(62), "accepted_at": CREATED + PATIENCE})
    _, passed_on = run(EXPECTED, later, unmatched(MessageState.DELIVERED))
    assert [it.message_id for it in passed_on] == [uuid(62)]


def test_after_its_time_it_is_forgotten() -> None:
    """Matched or not."""
    for event in (EXPECTED, unmatched(MessageState.DELIVERED)):
        known, _ = run(event)
        assert known is not None
        assert known.due_at == CREATED + PATIENCE
        assert note_time(known, known.due_at - timedelta(seconds=1), PATIENCE).known == known
        assert note_time(known, known.due_at, PATIENCE) == MatchStep(None)


EVERY = timedelta(seconds=30)


def test_a_carrier_that_does_not_report_is_asked_ever_more_seldom_until_the_end() -> None:
    """After as long as all before, an hour at most; the last time what is known is forgotten."""
    known, now, asked = note_expected(None, EXPECTED, PATIENCE, EVERY).known, CREATED, []
    while known is not None:
        now = known.due_at
        assert note_time(known, now - timedelta(seconds=1), PATIENCE, EVERY) == MatchStep(known)
        step = note_time(known, now, PATIENCE, EVERY)
        if step.ask is not None:
            asked.append(now - CREATED)
        known = step.known
    assert now == CREATED + PATIENCE
    assert asked[:4] == [EVERY, 2 * EVERY, 4 * EVERY, 8 * EVERY]
    pauses = {later - sooner for sooner, later in pairwise(asked)}
    assert max(pauses) == timedelta(hours=1)
    assert len(asked) < 100


def test_what_has_been_reported_for_good_is_not_asked_for_again() -> None:
    """A state that may change leaves the questions as they were."""
    known = note_expected(None, EXPECTED, PATIENCE, EVERY).known
    assert known is not None
    still = note_unmatched(known, unmatched(MessageState.ENROUTE), PATIENCE).known
    assert still == known
    step = note_unmatched(known, unmatched(MessageState.DELIVERED), PATIENCE)
    assert step.known is not None
    assert step.known.due_at == CREATED + PATIENCE
    early = note_unmatched(None, unmatched(MessageState.DELIVERED), PATIENCE).known
    after = note_expected(early, EXPECTED, PATIENCE, EVERY)
    assert after.known is not None
    assert after.known.due_at == CREATED + PATIENCE


def test_without_room_for_a_question_it_is_asked_a_little_later() -> None:
    """And not after as long as all before."""
    known = note_expected(None, EXPECTED, PATIENCE, EVERY).known
    assert known is not None
    much_later = CREATED + timedelta(hours=5)
    step = note_time(known, much_later, PATIENCE, EVERY, has_room=False)
    assert step.ask is None
    assert step.known is not None
    assert step.known.due_at == much_later + EVERY
