"""Which offsets of a partition are finished, and how far a commit may go.

Kafka commits a position, not single records: it may move only over a prefix without holes.
"""

from collections import deque
from collections.abc import Container


class AckTracker:
    """The offsets of one partition during one assignment, `position` being the next one to commit.

    Offsets are handed out in rising order, with gaps where Kafka has gaps, and finish in any order.
    """

    def __init__(self, position: int | None = None) -> None:
        self._order: deque[int] = deque()
        self._finished: set[int] = set()
        self.position = position
        """None until it is known: nothing was committed, and the oldest record has not finished."""
        self.last_offset: int | None = None
        """The highest one that was handed out."""

    def hand_out(self, offset: int) -> None:
        """Note a record on its way to a worker."""
        self._order.append(offset)
        self.last_offset = offset

    def finish(self, offset: int) -> None:
        """Note that everything that follows from a record is durable, or will be with the commit that covers it."""
        self._finished.add(offset)

    @property
    def next_finished(self) -> int | None:
        """The oldest offset, when it is finished: `advance` would move the position over it."""
        order = self._order
        return order[0] if order and order[0] in self._finished else None

    def advance(self) -> None:
        """Move the position over the oldest offset, which is finished."""
        oldest = self._order.popleft()
        self._finished.discard(oldest)
        self.position = oldest + 1

    def finished_ranges(self, besides: Container[int] = ()) -> list[range]:
        """Return what is finished beyond `position`, without what is in `besides`, in rising ranges."""
        ranges: list[range] = []
        if not self._finished:
            return ranges
        first = last = None
        for offset in self._order:
            if offset in self._finished and offset not in besides:
                first, last = (offset if first is None else first), offset
            elif first is not None and last is not None:
                ranges.append(range(first, last + 1))
                first = None
        if first is not None and last is not None:
            ranges.append(range(first, last + 1))
        return ranges

    @property
    def unfinished(self) -> int:
        """How many records were handed out and are not yet covered by `position`."""
        return len(self._order)

    @property
    def waiting(self) -> int:
        """How many records were handed out and have not finished."""
        return len(self._order) - len(self._finished)

    @property
    def oldest(self) -> int | None:
        """The lowest offset that is handed out and not covered by `position`."""
        return self._order[0] if self._order else None
