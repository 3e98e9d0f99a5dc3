"""Which offsets of a partition are finished, and how far a commit may go.

Kafka commits a position, not single records: it may move only over a prefix without holes.
"""

from collections import deque


class AckTracker:
    """Tracks one partition during one assignment; a new assignment gets a new tracker."""

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._finished: set[int] = set()
        self._begun = 0
        self.position: int | None = None
        """Next offset to commit, None until the oldest record has finished."""
        self.committed: int | None = None
        self.last_offset: int | None = None
        self.closed = False
        """Set when the partition goes to another member or the agent stops: what is not begun must not begin."""

    def hand_out(self, offset: int) -> None:
        """Note a record on its way to a worker. Offsets come in rising order, with gaps where Kafka has gaps."""
        self._order.append(offset)
        self.last_offset = offset

    def begin(self) -> bool:
        """Ask leave to work on a handed-out record; False when it is no longer ours to work on."""
        if self.closed:
            return False
        self._begun += 1
        return True

    def finish(self, offset: int) -> None:
        """Note that all consequences of a begun record are durable."""
        self._begun -= 1
        self._finished.add(offset)
        order, finished = self._order, self._finished
        while order and order[0] in finished:
            oldest = order.popleft()
            finished.discard(oldest)
            self.position = oldest + 1

    @property
    def in_progress(self) -> int:
        """How many records are begun and not finished."""
        return self._begun

    @property
    def unfinished(self) -> int:
        """How many records were handed out and are not yet covered by `position`."""
        return len(self._order)

    @property
    def to_commit(self) -> int | None:
        """Return the offset to commit, or None when nothing has moved since the last commit."""
        return self.position if self.position != self.committed else None
