"""Carriers that report by an id of their own: whichever comes first waits for the other."""

from datetime import timedelta
from itertools import permutations

import pytest

from pipeline.receipts.matching import MatchStep, note_expected, note_time, note_unmatched
from schemas.dlr import ExpectedReceipt, MessageState, SegmentReceipt, UnmatchedReceipt
from schemas.roll_up import Match
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
        assert note_time(known, known.due_at - timedelta(seconds=1)).known == known
        assert note_time(known, known.due_at) == MatchStep(None)
