"""Which offsets of a partition are finished, and how far a commit may go.

Kafka commits a position, not single records: it may move only over a prefix without holes. What lies between the
position and the newest record may be long when something before it waits, so it is kept in nine bytes a record.
"""

from array import array
from bisect import bisect_left
from collections.abc import Container, Iterator, Sequence
from typing import Final

_FORGOTTEN_AT_ONCE: Final = 4096  # offsets behind the position that are kept until so many can go together


class AckTracker:
    """The offsets of one partition during one assignment, `position` being the next one to commit.

    Offsets are handed out in rising order, with gaps where Kafka has gaps, and finish in any order.
    """

    def __init__(self, position: int | None = None) -> None:
        self._offsets = array("q")
        self._finished = bytearray()
        self._head = 0  # the index of the oldest one that the position has not passed
        self.waiting = 0
        """How many records were handed out and have not finished."""
        self.position = position
        """None until it is known: nothing was committed, and the oldest record has not finished."""
        self.last_offset: int | None = None
        """The highest one that was handed out."""

    def hand_out(self, offset: int) -> None:
        """Note a record on its way to a worker."""
        self._offsets.append(offset)
        self._finished.append(0)
        self.waiting += 1
        self.last_offset = offset

    def finish(self, offset: int) -> None:
        """Note that everything that follows from a record is durable, or will be with the commit that covers it."""
        offsets, head = self._offsets, self._head
        index = head if offsets[head] == offset else bisect_left(offsets, offset, head)
        self._finished[index] = 1
        self.waiting -= 1

    @property
    def next_finished(self) -> int | None:
        """The oldest offset, when it is finished: `advance` would move the position over it."""
        head = self._head
        return self._offsets[head] if head < len(self._offsets) and self._finished[head] else None

    def advance(self) -> None:
        """Move the position over the oldest offset, which is finished."""
        self.position = self._offsets[self._head] + 1
        self._head += 1
        if self._head >= _FORGOTTEN_AT_ONCE and self._head * 2 >= len(self._offsets):
            del self._offsets[: self._head]
            del self._finished[: self._head]
            self._head = 0

    def finished_ranges(self, besides: Container[int] = (), most: int = 300) -> list[range]:
        """Return what is finished beyond `position`, without what is in `besides`, in rising ranges: the first ones."""
        ranges: list[range] = []
        offsets, finished = self._offsets, self._finished
        end = finished.find(0, self._head)
        while end >= 0 and len(ranges) < most:
            begin = finished.find(1, end)
            if begin < 0:
                break
            end = finished.find(0, begin)
            run = offsets[begin : end if end >= 0 else len(offsets)]
            ranges += _without(run, besides) if besides else [range(run[0], run[-1] + 1)]
        return ranges[:most]

    def oldest_waiting(self) -> Iterator[int]:
        """Iterate over the offsets that have not finished, the oldest first."""
        for index in range(self._head, len(self._offsets)):
            if not self._finished[index]:
                yield self._offsets[index]

    @property
    def unfinished(self) -> int:
        """How many records were handed out and are not yet covered by `position`."""
        return len(self._offsets) - self._head

    @property
    def oldest(self) -> int | None:
        """The lowest offset that is handed out and not covered by `position`."""
        return self._offsets[self._head] if self._head < len(self._offsets) else None


def _without(run: Sequence[int], besides: Container[int]) -> list[range]:
    ranges: list[range] = []
    first: int | None = None
    last = 0
    for offset in run:
        if offset not in besides:
            first, last = (offset if first is None else first), offset
        elif first is not None:
            ranges.append(range(first, last + 1))
            first = None
    if first is not None:
        ranges.append(range(first, last + 1))
    return ranges
