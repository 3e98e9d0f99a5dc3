"""The delivery journal: what its entries say, and what a restart makes of them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.carriers.journal import Attempt, JournalState, result_of
from pipeline.carriers.outcome import AttemptResult, Outcome
from schemas.messages.status import MessageStatus, StatusStage
from schemas.record import Coordinates
from schemas.state.journal import JournalEntry, JournalMark
from schemas.topics import SEGMENTED
from tests import builders
from tests.builders import journal_entry, uuid

UUID = uuid(61)
NOW = datetime(2026, 1, 1, 12, 30, 0, 123456, tzinfo=UTC)
COORDINATES = Coordinates("sms.mt.segmented", 2, 41)
ATTEMPT = Attempt(COORDINATES, f"{UUID}:3", 2, UUID)


def test_a_mark_is_a_journal_entry() -> None:
    """What is written unchecked reads back as the model says."""
    assert JournalEntry.from_bytes(ATTEMPT.submitting(NOW)) == JournalEntry(
        segment_id=f"{UUID}:3", mark=JournalMark.SUBMITTING, attempt=2, topic="sms.mt.segmented", offset=41, at=NOW,
        carrier_id=UUID,
    )  # fmt: skip


@given(
    st.sampled_from(Outcome),
    st.none() | st.text(max_size=20),
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_every_result_survives_the_journal(outcome: Outcome, error: str | None, message_id: str | None) -> None:
    """Whatever a carrier answers, its outcome is read back as it was."""
    if error is not None:
        error = error.encode(errors="replace").decode()
    result = AttemptResult(outcome, carrier_message_id=message_id, error=error)
    assert result_of(JournalEntry.from_bytes(ATTEMPT.settled(result, NOW))) == result


def test_submitting_alone_is_no_result() -> None:
    """A segment that was about to be posted is in doubt."""
    assert result_of(JournalEntry.from_bytes(ATTEMPT.submitting(NOW))) is None


def entry(offset: int, mark: JournalMark, topic: str = COORDINATES.topic, seqnum: int = 1) -> JournalEntry:
    return journal_entry(mark, seqnum=seqnum, topic=topic, offset=offset)


def test_the_latest_mark_of_each_segment_counts_and_is_taken_once() -> None:
    """An outcome replaces the announcement; whoever begins the work again takes its marks along."""
    state = JournalState()
    for it in (
        entry(41, JournalMark.SUBMITTING),
        entry(41, JournalMark.ACCEPTED),
        entry(41, JournalMark.SUBMITTING, seqnum=2),
    ):
        state.apply(it, 2, {COORDINATES.topic: 41})
    taken = state.take(COORDINATES)
    assert {key: it.mark for key, it in taken.items()} == {
        f"{UUID}:1": JournalMark.ACCEPTED,
        f"{UUID}:2": JournalMark.SUBMITTING,
    }
    assert (state.take(COORDINATES), len(state)) == ({}, 0)


@pytest.mark.parametrize(
    ("offset", "topic", "kept"),
    [(40, "sms.mt.segmented", 0), (41, "sms.mt.segmented", 1), (99, "sms.mt.retry.5s", 0)],
)
def test_only_uncommitted_work_of_our_topics_is_kept(offset: int, topic: str, kept: int) -> None:
    """Committed work is over, and other topics are somebody else's: neither takes memory."""
    state = JournalState()
    state.apply(entry(offset, JournalMark.SUBMITTING, topic), 2, {"sms.mt.segmented": 41})
    assert len(state) == kept


def test_a_partition_that_goes_is_forgotten() -> None:
    """What was known of it may be outdated when it comes back."""
    state = JournalState()
    state.apply(entry(41, JournalMark.SUBMITTING), 2, {COORDINATES.topic: 0})
    state.apply(entry(41, JournalMark.SUBMITTING), 3, {COORDINATES.topic: 0})
    state.forget(COORDINATES.topic, 2)
    assert (state.take(COORDINATES), len(state)) == ({}, 1)


def test_a_status_is_that_of_a_piece_of_work_when_it_is_not_older_than_its_first_mark() -> None:
    """Of all statuses only those count that an earlier life can have written about uncommitted work."""
    state = JournalState()
    begun = datetime(2026, 11, 22, 19, tzinfo=UTC)
    ids = [f"0192f1c4-6a5e-7b31-9d5c-00000000000{n}" for n in range(4)]
    for offset, message_id in enumerate(ids[:3]):
        for later, mark in enumerate((JournalMark.SUBMITTING, JournalMark.ACCEPTED)):
            state.apply(
                journal_entry(
                    mark, segment_id=f"{message_id}:1", offset=offset, at=begun + timedelta(seconds=later + offset)
                ),
                0,
                {SEGMENTED: 0},
            )
    state.take(Coordinates(SEGMENTED, 0, 2))  # has begun again already
    assert state.begun_since == begun

    def status(message_id: str, seconds: float, stage: StatusStage = StatusStage.PROCESSING) -> MessageStatus:
        ended_at = begun + timedelta(seconds=seconds)
        return builders.status(message_id=message_id, stage=stage, ended_at=ended_at)

    for learned in (
        status(ids[0], 0.0),
        status(ids[0], 5.0, StatusStage.DELIVERY),
        status(ids[1], 0.9),  # of the record that an operator has replayed since
        status(ids[2], 9.0),
        status(ids[3], 9.0),
    ):
        state.learn(learned)
    assert [it for it in ids if state.waits_for(it)] == ids[:2]
    trunk_id = builders.uuid(11)
    assert [state.reported(it, trunk_id) and it for it in ids] == [ids[0], None, None, None]
    assert state.reported(ids[0], trunk_id) is None
    state.forget(SEGMENTED, 0)
    assert state.begun_since is None


def test_marks_below_the_commit_count_only_for_what_was_parked() -> None:
    """What is parked is unfinished, although the commit has passed it; of all else below the commit nothing is kept."""
    state = JournalState()
    for offset in range(4):
        entry = journal_entry(JournalMark.SUBMITTING, seqnum=1, offset=offset)
        state.apply(entry, 0, {SEGMENTED: 3}, lambda it: it.offset == 1)
    assert sorted(it.offset for it in state) == [1, 3]
    assert [state.knows(Coordinates(SEGMENTED, 0, it)) for it in range(4)] == [False, True, False, True]
    state.forget_where(lambda it: it.offset == 1)
    assert [it.offset for it in state] == [3]


def test_what_became_of_another_trunks_message_settles_none_of_ours() -> None:
    """A producer has given its message the id of ours: each keeps the status that is about itself."""
    ours, theirs = builders.uuid(11), builders.uuid(12)
    begun = builders.LATER
    state = JournalState()
    for offset in range(2):
        entry = journal_entry(JournalMark.SUBMITTING, segment_id=f"{builders.uuid(1)}:1", offset=offset, at=begun)
        state.apply(entry, 0, {SEGMENTED: 0})
    told = builders.status(message_id=builders.uuid(1), trunk_id=theirs, ended_at=begun)
    state.learn(told)
    assert state.reported(builders.uuid(1), ours) is None
    state.learn(told)
    state.learn(told.model_copy(update={"trunk_id": ours}))
    assert [state.reported(builders.uuid(1), it) is not None for it in (theirs, ours)] == [True, True]
