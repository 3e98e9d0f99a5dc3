"""Which offsets of a partition are finished, and how far a commit may go.

Kafka commits a position, not single records: it may move only over a prefix without holes.
"""

from collections import deque
from collections.abc import Iterable, Mapping

from pipeline.dead_letters.brake import says_unreadable
from pipeline.kafka.consuming.finished_ranges import FinishedRanges
from schemas.causation import Causation
from schemas.record import OutRecord


class AckTracker:
    """Tracks one partition during one assignment; a new assignment gets a new tracker.

    So many records in a row as `brake` that could not be read stop it, before the first that is not committed yet.
    """

    def __init__(self, brake: int = 0) -> None:
        self._brake = brake
        self._unreadable: set[int] = set()
        self._row_began: tuple[int, dict[int, Causation]] | None = None
        self.row = 0
        """How many records right before `position` could not be read."""
        self.braked = False
        """Set when `row` has reached `brake` (0: never): `position` then stays before the row."""
        self._order: deque[int] = deque()
        self._finished: set[int] = set()
        self._begun = 0
        self._following: dict[int, tuple[OutRecord, ...]] = {}
        self._marks: deque[tuple[int, int]] = deque()
        self._origins: dict[int, Causation] = {}
        self._seen: dict[int, Causation] = {}
        self._before: FinishedRanges | None = None
        self.origins: dict[int, Causation] = {}
        """The highest origin below `position`, by the partition that it names."""
        self.position: int | None = None
        """Next offset to commit, None until the oldest record has finished."""
        self.committed: int | None = None
        self.committed_ranges = ""
        """What was finished beyond `committed`, as the last commit says."""
        self.committed_row = 0
        """The `row` that the last commit says."""
        self.last_offset: int | None = None
        self.begun_before = -1
        """The highest offset that an earlier owner has left something about in the journal."""
        self.closed = False
        """Set when the partition goes to another member or the agent stops: what is not begun must not begin."""
        self.lost = False
        """Set when the partition has gone to another member: what is begun must not go on either."""

    def hand_out(self, offset: int, origin: Causation | None = None, timestamp_ms: int = 0) -> bool:
        """Note a record on its way to a worker; False for one that was finished before, or repeats another.

        Those are finished by that. Offsets come in rising order, with gaps where Kafka has gaps.
        """
        self._order.append(offset)
        self.last_offset = offset
        done = self._before is not None and self._was_finished(self._before, offset, timestamp_ms)
        if origin is not None:
            if origin.repeats(self._seen.get(origin.partition)):
                done = True  # and not noted: a repetition that was finished before must not lower what has been seen
            else:
                self._seen[origin.partition] = self._origins[offset] = origin
        if done:
            self._begun += 1
            self.finish(offset)
        return not done

    def _was_finished(self, before: FinishedRanges, offset: int, timestamp_ms: int) -> bool:
        if self.committed is not None and offset < self.committed:
            self._before = None  # the topic does not go on where the group was: its offsets mean other records now
            return False
        left = before.beyond(offset)
        self._before = left if left.ranges else None
        return before.cover(offset, timestamp_ms)

    def know(self, origins: Mapping[int, Causation], finished: FinishedRanges | None = None) -> None:
        """Take over the origins that a commit has kept, and what it says was finished beyond its position."""
        self._seen = dict(origins)
        self.origins = dict(origins)
        self._before = finished if finished is not None and finished.ranges else None

    def begin(self) -> bool:
        """Ask leave to work on a handed-out record; False when it is no longer ours to work on."""
        if self.closed:
            return False
        self._begun += 1
        return True

    def finish(self, offset: int, following: Iterable[OutRecord] = ()) -> None:
        """Note that all consequences of a begun record are durable.

        `following` are consequences that become durable with the commit itself, in one transaction.
        """
        self._begun -= 1
        if following := tuple(following):
            self._following[offset] = following
            if self._brake and says_unreadable(following):
                self._unreadable.add(offset)
        self._finished.add(offset)
        order, finished = self._order, self._finished
        while order and order[0] in finished and not self.braked:
            oldest = order.popleft()
            finished.discard(oldest)
            if (self.row or self._unreadable) and self._count(oldest):
                return
            self.position = oldest + 1
            if (origin := self._origins.pop(oldest, None)) is not None:
                self.origins[origin.partition] = origin

    def _count(self, offset: int) -> bool:
        """Count the row with the oldest record, which is finished; True when it brakes."""
        if offset not in self._unreadable:
            self.row, self._row_began = 0, None
            return False
        self._unreadable.discard(offset)
        if self._row_began is None:
            self._row_began = offset, dict(self.origins)
        self.row += 1
        if self.row < self._brake:
            return False
        self.braked = self.closed = True
        began, origins = self._row_began
        if self.committed is None or began > self.committed:
            self.position, self.origins = began, origins
        else:
            self.position = self.committed
        return True

    def lose(self) -> None:
        """Note that the partition has gone to another member."""
        self.closed = self.lost = True

    def abandon(self) -> None:
        """Note that begun work was left as it is: whoever gets its record next goes on with it."""
        self._begun -= 1

    def take_following(self, position: int) -> list[OutRecord]:
        """Return what must be written in the transaction that commits `position`, in the order in which it was decided.

        What goes to a tier got its time then, and a tier hands out in the order in which it was written.
        """
        due = [offset for offset in self._following if offset < position]
        return [record for offset in due for record in self._following.pop(offset)]

    def mark(self, mark: int) -> None:
        """Remember `mark`, a place in a journal that rises.

        What is said there about records that are neither handed out nor begun before comes after it.
        """
        handed_out = max(self.begun_before, -1 if self.last_offset is None else self.last_offset)
        if not self._marks or self._marks[-1][1] != mark:
            self._marks.append((handed_out, mark))

    def mark_for(self, position: int) -> int | None:
        """Return the latest mark that is before everything at or after `position`; None when there is none."""
        while len(self._marks) > 1 and self._marks[1][0] < position:
            self._marks.popleft()
        return self._marks[0][1] if self._marks else None

    def finished_ranges(self) -> list[range]:
        """Return what is finished beyond `position` with nothing left to write, in rising ranges."""
        ranges: list[range] = []
        if not self._finished:
            return ranges
        first = last = None
        for offset in self._order:
            if offset in self._finished and offset not in self._following:
                first, last = (offset if first is None else first), offset
            elif first is not None and last is not None:
                ranges.append(range(first, last + 1))
                first = None
        if first is not None and last is not None:
            ranges.append(range(first, last + 1))
        return ranges

    @property
    def in_progress(self) -> int:
        """How many records are begun and not finished."""
        return self._begun

    @property
    def unfinished(self) -> int:
        """How many records were handed out and are not yet covered by `position`."""
        return len(self._order)

    @property
    def outstanding(self) -> int:
        """How many records hold memory: handed out and not finished, or with something to write at their commit."""
        return len(self._order) - len(self._finished) + len(self._following)

    @property
    def oldest_unfinished(self) -> int | None:
        """The lowest offset that is handed out and not finished."""
        return self._order[0] if self._order else None

    @property
    def to_commit(self) -> int | None:
        """Return the offset to commit, or None when nothing has moved since the last commit."""
        if self.braked and self.position is not None and self.committed is not None and self.position < self.committed:
            return None  # committed while the brake was put on
        return self.position if self.position != self.committed else None
