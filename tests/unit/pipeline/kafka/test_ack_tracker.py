"""A commit never passes an unfinished record, whatever the order in which records finish."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pipeline.kafka.ack_tracker import AckTracker


class AckTrackerMachine(RuleBasedStateMachine):
    """Drives a tracker as a consumer and its workers do, beside a model that keeps everything."""

    def __init__(self) -> None:
        super().__init__()
        self.tracker = AckTracker()
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
            self.tracker.hand_out(self.next_offset)
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
        leave = self.tracker.begin()
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
        self.tracker.finish(offset)
        self.finished.add(offset)

    @rule()
    def commit(self) -> None:
        """The consumer commits what there is to commit."""
        position = self.tracker.to_commit
        if position is not None:
            assert position > self.highest_commit
            self.tracker.committed = self.highest_commit = position
        assert self.tracker.to_commit is None

    @precondition(lambda self: len(self.handed_out) > 20)
    @rule()
    def close(self) -> None:
        """The partition goes to another member."""
        self.tracker.closed = self.closed = True

    @invariant()
    def position_is_behind_the_oldest_unfinished(self) -> None:
        """Exactly the finished prefix: no further, and no less."""
        prefix = []
        for offset in self.handed_out:
            if offset not in self.finished:
                break
            prefix.append(offset)
        assert self.tracker.position == (prefix[-1] + 1 if prefix else None)
        assert self.tracker.unfinished == len(self.handed_out) - len(prefix)

    @invariant()
    def work_is_counted(self) -> None:
        """What is in progress is what was begun and not finished."""
        assert self.tracker.in_progress == len(self.begun)
        assert self.tracker.last_offset == (self.handed_out[-1] if self.handed_out else None)

    @invariant()
    def memory_holds_only_what_is_ahead_of_the_position(self) -> None:
        """Whatever was finished before the position is forgotten."""
        assert len(self.tracker._finished) <= len(self.tracker._order) == self.tracker.unfinished


TestAckTracker = AckTrackerMachine.TestCase
TestAckTracker.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_records_that_finish_backwards_are_committed_at_once() -> None:
    """The oldest one, finishing last, moves the position over all of them."""
    tracker = AckTracker()
    for offset in (5, 6, 9):
        tracker.hand_out(offset)
        assert tracker.begin()
    positions = []
    for offset in (9, 6, 5):
        tracker.finish(offset)
        positions.append(tracker.position)
    assert positions == [None, None, 10]


def test_nothing_is_left_after_a_million_records() -> None:
    """Memory does not grow with what has passed."""
    tracker = AckTracker()
    for offset in range(1_000_000):
        tracker.hand_out(offset)
        tracker.begin()
        if offset % 2:
            tracker.finish(offset)
            tracker.finish(offset - 1)
    assert (tracker.position, tracker.unfinished, len(tracker._finished)) == (1_000_000, 0, 0)


@pytest.mark.parametrize("begun", [0, 2])
def test_a_closed_tracker_lets_begun_work_finish_and_no_other_begin(begun: int) -> None:
    """What the next owner will replay must not be done here as well."""
    tracker = AckTracker()
    for offset in range(4):
        tracker.hand_out(offset)
    for _ in range(begun):
        assert tracker.begin()
    tracker.closed = True
    assert not tracker.begin()
    for offset in range(begun):
        tracker.finish(offset)
    assert (tracker.in_progress, tracker.position, tracker.unfinished) == (0, begun or None, 4 - begun)
