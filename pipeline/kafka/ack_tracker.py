"""Which offsets of a partition are finished, and how far a commit may go.

Kafka commits a position, not single records: it may move only over a prefix without holes.
"""

from collections import deque
from collections.abc import Iterable, Mapping

from pipeline.kafka.producer import OutRecord
from pipeline.origin import Origin


class AckTracker:
    """Tracks one partition during one assignment; a new assignment gets a new tracker."""

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._finished: set[int] = set()
        self._begun = 0
        self._following: dict[int, tuple[OutRecord, ...]] = {}
        self._marks: deque[tuple[int, int]] = deque()
        self._origins: dict[int, Origin] = {}
        self._seen: dict[int, Origin] = {}
        self.origins: dict[int, Origin] = {}
        """The highest origin below `position`, by the partition that it names."""
        self.position: int | None = None
        """Next offset to commit, None until the oldest record has finished."""
        self.committed: int | None = None
        self.last_offset: int | None = None
        self.closed = False
        """Set when the partition goes to another member or the agent stops: what is not begun must not begin."""

    def hand_out(self, offset: int, origin: Origin | None = None) -> bool:
        """Note a record on its way to a worker; False for a repetition, which is finished by that.

        Offsets come in rising order, with gaps where Kafka has gaps.
        """
        self._order.append(offset)
        self.last_offset = offset
        if origin is None:
            return True
        if origin.repeats(self._seen.get(origin.partition)):
            self._begun += 1
            self.finish(offset)
            return False
        self._seen[origin.partition] = self._origins[offset] = origin
        return True

    def know(self, origins: Mapping[int, Origin]) -> None:
        """Take over the origins that a commit has kept."""
        self._seen = dict(origins)
        self.origins = dict(origins)

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
        self._finished.add(offset)
        order, finished = self._order, self._finished
        while order and order[0] in finished:
            oldest = order.popleft()
            finished.discard(oldest)
            self.position = oldest + 1
            if (origin := self._origins.pop(oldest, None)) is not None:
                self.origins[origin.partition] = origin

    def abandon(self) -> None:
        """Note that begun work was left as it is: whoever gets its record next goes on with it."""
        self._begun -= 1

    def take_following(self, position: int) -> list[OutRecord]:
        """Return, in offset order, what must be written in the transaction that commits `position`."""
        due = sorted(offset for offset in self._following if offset < position)
        return [record for offset in due for record in self._following.pop(offset)]

    def mark(self, mark: int) -> None:
        """Remember `mark`, a place in a journal that rises: every record handed out from now on comes after it."""
        handed_out = -1 if self.last_offset is None else self.last_offset
        if not self._marks or self._marks[-1][1] != mark:
            self._marks.append((handed_out, mark))

    def mark_for(self, position: int) -> int | None:
        """Return the latest mark that is before everything at or after `position`; None when there is none."""
        while len(self._marks) > 1 and self._marks[1][0] < position:
            self._marks.popleft()
        return self._marks[0][1] if self._marks else None

    @property
    def in_progress(self) -> int:
        """How many records are begun and not finished."""
        return self._begun

    @property
    def unfinished(self) -> int:
        """How many records were handed out and are not yet covered by `position`."""
        return len(self._order)

    @property
    def oldest_unfinished(self) -> int | None:
        """The lowest offset that is handed out and not finished."""
        return self._order[0] if self._order else None

    @property
    def to_commit(self) -> int | None:
        """Return the offset to commit, or None when nothing has moved since the last commit."""
        return self.position if self.position != self.committed else None
