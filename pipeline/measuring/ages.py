"""When the oldest of a row of offsets was written, without a time kept for each of them."""

from bisect import bisect_right
from typing import Final

STEP_MS: Final = 1000  # as exact as it is
MOST: Final = 2048


class Ages:
    """Samples of a partition's times: one for each second of record time, and half of them when there are too many."""

    __slots__ = ("_offsets", "_times", "last_ms")

    def __init__(self) -> None:
        self._offsets: list[int] = []
        self._times: list[int] = []
        self.last_ms = -STEP_MS
        """The time of the last sample; whoever reads many records need not call `note` for those close to it."""

    def note(self, offset: int, timestamp_ms: int) -> None:
        """Take in a record; offsets rise."""
        self._offsets.append(offset)
        self._times.append(timestamp_ms)
        self.last_ms = timestamp_ms
        if len(self._offsets) > MOST:
            del self._offsets[1::2]
            del self._times[1::2]

    def of(self, offset: int) -> int | None:
        """Return about when the record at `offset` was written (Unix time in ms), and forget what is before it."""
        index = bisect_right(self._offsets, offset) - 1
        if index < 0:
            return None
        del self._offsets[:index]
        del self._times[:index]
        return self._times[0]
