"""A commit never passes an unfinished record, whatever the order in which records finish and lives end."""

import pytest
from aiokafka.structs import OffsetAndMetadata
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.consuming.partition.finished_ranges import FinishedRanges
from schemas.headers.causation import Causation
from schemas.record import OutRecord


class AssignmentMachine(RuleBasedStateMachine):
    """Drives a assignment as a consumer and its workers do, beside a model that keeps everything."""

    def __init__(self) -> None:
        super().__init__()
        self.assignment = Assignment()
        self.handed_out: list[int] = []
        self.begun: list[int] = []
        self.finished: set[int] = set()
        self.refused: set[int] = set()
        self.closed = False
        self.next_offset = 0
        self.highest_commit = -1

    @rule(gap=st.sampled_from([0, 0, 0, 1, 7]), count=st.integers(1, 5))
    def hand_out(self, gap: int, count: int) -> None:
        """Records arrive; compaction and transaction markers leave gaps."""
        self.next_offset += gap
        for _ in range(count):
            self.assignment.hand_out(self.next_offset)
            self.handed_out.append(self.next_offset)
            self.next_offset += 1

    def _waiting(self) -> list[int]:
        known = set(self.begun) | self.finished | self.refused
        return [offset for offset in self.handed_out if offset not in known]

    @precondition(lambda self: self._waiting())
    @rule(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """A worker takes any record that waits."""
        offset = data.draw(st.sampled_from(self._waiting()))
        leave = self.assignment.begin()
        assert leave != self.closed
        if leave:
            self.begun.append(offset)
        else:
            self.refused.add(offset)

    @precondition(lambda self: self.begun)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """Any begun record finishes, also after the partition was closed."""
        offset = data.draw(st.sampled_from(self.begun))
        self.begun.remove(offset)
        self.assignment.finish(offset)
        self.finished.add(offset)

    @rule()
    def commit(self) -> None:
        """The consumer commits what there is to commit."""
        position = self.assignment.to_commit
        if position is not None:
            assert position > self.highest_commit
            self.assignment.committed(position)
            self.highest_commit = position
        assert self.assignment.to_commit is None

    @precondition(lambda self: len(self.handed_out) > 20)
    @rule()
    def close(self) -> None:
        """The partition goes to another member."""
        self.assignment.closed = self.closed = True

    @invariant()
    def position_is_behind_the_oldest_unfinished(self) -> None:
        """Exactly the finished prefix: no further, and no less."""
        prefix = []
        for offset in self.handed_out:
            if offset not in self.finished:
                break
            prefix.append(offset)
        assert self.assignment.position == (prefix[-1] + 1 if prefix else None)
        assert self.assignment.unfinished == len(self.handed_out) - len(prefix)

    @invariant()
    def work_is_counted(self) -> None:
        """What is in progress is what was begun and not finished."""
        assert self.assignment.in_progress == len(self.begun)
        assert self.assignment.last_offset == (self.handed_out[-1] if self.handed_out else None)

    @invariant()
    def memory_holds_only_what_is_ahead_of_the_position(self) -> None:
        """Whatever was finished before the position is forgotten."""
        offsets = self.assignment._offsets
        assert len(offsets._finished) == len(offsets._offsets) <= self.assignment.unfinished + 4096
        assert offsets.waiting <= self.assignment.unfinished


TestAssignment = AssignmentMachine.TestCase
TestAssignment.settings = settings(max_examples=60, stateful_step_count=40)


OUTBOX = (OutRecord("next", None, b""),)


class CrashMachine(RuleBasedStateMachine):
    """Consumer lives over one partition; what a life leaves behind is its last commit, as text."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[int] = []
        self.end = 0
        self.committed: OffsetAndMetadata | None = None
        self.done: set[int] = set()
        self.written: set[int] = set()
        self.rise()

    def rise(self) -> None:
        """Begin a life with what the last one has committed."""
        self.assignment = Assignment(self.committed)
        self.working: list[int] = []
        self.fetched = 0
        if self.committed is not None:
            position = self.committed.offset
            self.fetched = len([it for it in self.log if it < position])

    @rule(gap=st.sampled_from([0, 0, 1, 3]), count=st.integers(1, 8))
    def append(self, gap: int, count: int) -> None:
        """Records are written, behind a gap as transactions leave them."""
        self.end += gap
        self.log += range(self.end, self.end + count)
        self.end += count

    @precondition(lambda self: self.fetched < len(self.log))
    @rule(count=st.integers(1, 12))
    def fetch(self, count: int) -> None:
        """Records are handed out; one is passed over only when a life has finished it and all that it had to write."""
        for offset in self.log[self.fetched : self.fetched + count]:
            if self.assignment.hand_out(offset, timestamp_ms=offset):
                assert self.assignment.begin()
                self.working.append(offset)
            else:
                assert offset in self.done
        self.fetched = min(len(self.log), self.fetched + count)

    @precondition(lambda self: self.working)
    @rule(data=st.data(), follows=st.booleans())
    def finish(self, data: st.DataObject, follows: bool) -> None:
        """A record finishes; with `follows` it is done only when the commit has written what follows."""
        offset = data.draw(st.sampled_from(self.working))
        self.working.remove(offset)
        self.assignment.finish(offset, OUTBOX if follows else ())
        if not follows:
            self.done.add(offset)

    @rule(dies=st.booleans())
    def commit_and_perhaps_crash(self, dies: bool) -> None:
        """Commit, and often lose at once what the commit does not say."""
        self.commit()
        if dies:
            self.crash(fetched=12)

    def commit(self) -> None:
        """Position, what follows up to it, and the ranges beyond it are kept as one."""
        committed = self.assignment.next_commit(renew=True)
        if committed is None:
            return
        self.committed = committed
        self.assignment.take_outbox(committed.offset)
        self.assignment.committed(committed.offset)
        self.done.update(it for it in self.log if it < committed.offset)

    @rule(fetched=st.integers(0, 12))
    def crash(self, fetched: int) -> None:
        """Whatever was not committed is gone."""
        self.rise()
        if fetched and self.fetched < len(self.log):
            self.fetch(count=fetched)

    @invariant()
    def nothing_unfinished_is_committed(self) -> None:
        """Every record below the committed position is done."""
        position = self.committed.offset if self.committed is not None else 0
        assert {it for it in self.log if it < position} <= self.done

    @invariant()
    def what_holds_memory_is_counted(self) -> None:
        """Records with workers, and those with something to write."""
        assert self.assignment.outstanding == len(self.working) + len(self.assignment._outbox)


TestCrash = CrashMachine.TestCase
TestCrash.settings = settings(max_examples=80, stateful_step_count=40)


def test_a_crash_repeats_what_hung_and_not_what_was_finished_beyond_it() -> None:
    """Of a thousand records behind one that hangs, none is handed out again; what had something to write is."""
    assignment = Assignment()
    for offset in range(1000):
        assignment.hand_out(offset, timestamp_ms=5)
        assignment.begin()
        if offset:
            assignment.finish(offset, OUTBOX if offset == 700 else ())
    committed = assignment.next_commit(renew=False)
    assert committed is not None
    again = Assignment(committed)
    assert committed.metadata.split(";")[2].partition(":")[2] == "1+699,1+299"
    assert [it for it in range(1001) if again.hand_out(it, timestamp_ms=5)] == [0, 700, 1000]


@pytest.mark.parametrize(
    ("offsets", "timestamp_ms"),
    [((100, 101), 6), ((3, 101), 5)],
    ids=["written after the commit", "the topic begins anew"],
)
def test_offsets_that_mean_other_records_now_are_not_passed_over(offsets: tuple[int, ...], timestamp_ms: int) -> None:
    """A topic that has lost its end counts the same offsets again."""
    assignment = Assignment(OffsetAndMetadata(100, f"0;;{FinishedRanges(5, (range(101, 110),)).text(100)};"))
    assert all(assignment.hand_out(offset, timestamp_ms=timestamp_ms) for offset in offsets)


def test_records_that_finish_backwards_are_committed_at_once() -> None:
    """The oldest one, finishing last, moves the position over all of them."""
    assignment = Assignment()
    for offset in (5, 6, 9):
        assignment.hand_out(offset)
        assert assignment.begin()
    positions = []
    for offset in (9, 6, 5):
        assignment.finish(offset)
        positions.append(assignment.position)
    assert positions == [None, None, 10]


def test_nothing_is_left_after_a_million_records() -> None:
    """Memory does not grow with what has passed."""
    assignment = Assignment()
    for offset in range(1_000_000):
        assignment.hand_out(offset)
        assignment.begin()
        if offset % 2:
            assignment.finish(offset)
            assignment.finish(offset - 1)
    assert (assignment.position, assignment.unfinished, assignment._offsets.waiting) == (1_000_000, 0, 0)
    assert len(assignment._offsets._finished) < 4096


@pytest.mark.parametrize("begun", [0, 2])
def test_a_closed_tracker_lets_begun_work_finish_and_no_other_begin(begun: int) -> None:
    """What the next owner will replay must not be done here as well."""
    assignment = Assignment()
    for offset in range(4):
        assignment.hand_out(offset)
    for _ in range(begun):
        assert assignment.begin()
    assignment.closed = True
    assert not assignment.begin()
    for offset in range(begun):
        assignment.finish(offset)
    assert (assignment.in_progress, assignment.position, assignment.unfinished) == (0, begun or None, 4 - begun)


def dead(reason: str) -> tuple[OutRecord, ...]:
    """Return what follows from a record that is refused for `reason`."""
    return (OutRecord("t.dead-letter", None, b"", (("dead-letter-reason", reason.encode()),)),)


BAD, GONE, GOOD = dead("schema-violation"), dead("callback-exhausted"), ()


@pytest.mark.parametrize(
    ("brake", "before", "ends", "expected"),
    [
        (3, 0, [GOOD, BAD, BAD, BAD], (True, 101)),
        (3, 0, [GOOD, BAD, BAD, GOOD, BAD, BAD], (False, 106)),
        (3, 0, [GONE, GONE, GONE, GONE], (False, 104)),
        (3, 0, [BAD, BAD, GONE, BAD], (False, 104)),
        (3, 2, [BAD, GOOD], (True, 100)),
        (3, 2, [GOOD, BAD, BAD], (False, 103)),
        (3, 9, [BAD], (True, 100)),
        (0, 0, [BAD] * 9, (False, 109)),
        (1, 0, [GOOD, GOOD, BAD], (True, 102)),
    ],
    ids=[
        "row",
        "broken row",
        "decided",
        "decided ends a row",
        "earlier life",
        "good one first",
        "lowered",
        "off",
        "one",
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_too_many_unreadable_records_in_a_row_stop_before_the_row(
    brake: int, before: int, ends: list[tuple[OutRecord, ...]], expected: tuple[bool, int], backwards: bool
) -> None:
    """Offsets from 100 on count in their order, whatever the order of finishing; `before` is the row so far."""
    assignment = Assignment(OffsetAndMetadata(100, f"0;;;{before}"), brake=brake)
    work = [(100 + n, end) for n, end in enumerate(ends)]
    for offset, _ in work:
        assignment.hand_out(offset)
        assignment.begin()
    for offset, end in reversed(work) if backwards else work:
        assignment.finish(offset, end)
    assert (assignment.braked, assignment.position) == expected
    assert assignment.closed == assignment.braked


def test_what_is_braked_is_not_taken_for_a_repetition_later() -> None:
    """The origins that are committed with the position before the row are those of that position."""
    assignment = Assignment(brake=2)
    for offset in range(3):
        assignment.hand_out(offset, Causation(0, offset, 0, 5))
        assignment.begin()
        assignment.finish(offset, BAD if offset else ())
    assert (assignment.braked, assignment.position, assignment._repetitions.causations) == (
        True,
        1,
        {0: Causation(0, 0, 0, 5)},
    )


def test_a_repetition_that_was_finished_before_does_not_lower_what_has_been_seen() -> None:
    """After 0:2, 0:3 and the repetition of 0:2, which the commit calls finished, that of 0:3 is still a repetition."""
    assignment = Assignment(OffsetAndMetadata(0, "0;;5:3+1;"))
    records = [(1, 2), (2, 3), (3, 2), (4, 3)]  # offset, and the submitted offset that it was made from
    handed_out = [assignment.hand_out(offset, Causation(0, made_from, 0, 5), 5) for offset, made_from in records]
    assert handed_out == [True, True, False, False]


@pytest.mark.parametrize("committed", [None, 4])
def test_a_gap_behind_the_last_record_is_passed_when_all_before_it_is_finished(committed: int | None) -> None:
    """A transaction's marker, and what was aborted: never handed out, so nobody could finish it."""
    assignment = Assignment(None if committed is None else OffsetAndMetadata(committed, ""))
    assignment.hand_out(4)
    assignment.reach(9)
    assert assignment.position == committed
    assignment.begin()
    assignment.finish(4)
    assert assignment.position == 5
    assignment.reach(9)
    assert (assignment.position, assignment.to_commit) == (9, 9)
    assignment.reach(7)
    assert assignment.position == 9
    assert assignment.hand_out(9)


def test_of_a_lost_partition_nothing_is_committed() -> None:
    """Another member has committed since, perhaps, and that would be taken back."""
    assignment = Assignment(OffsetAndMetadata(5, ""))
    assignment.hand_out(5)
    assert assignment.begin()
    assignment.finish(5)
    assert assignment.next_commit(renew=True) is not None
    assignment.lose()
    assert assignment.next_commit(renew=True) is None
