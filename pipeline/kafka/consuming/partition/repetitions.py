"""Which records of a partition are done already: written a second time, or finished before a restart."""

from collections.abc import Mapping

from pipeline.kafka.consuming.partition.finished_ranges import FinishedRanges
from schemas.headers.causation import Causation


class Repetitions:
    """Tells them as they come, in the order of the partition.

    `causations` are the highest ones below the committed position, by the partition that they name; `finished` is what
    the last commit says was finished beyond it; `committed` is where it was.
    """

    def __init__(
        self,
        causations: Mapping[int, Causation] | None = None,
        finished: FinishedRanges | None = None,
        committed: int | None = None,
    ) -> None:
        self._seen = dict(causations or {})
        self._finished = finished if finished is not None and finished.ranges else None
        self._committed = committed
        self._by_offset: dict[int, Causation] = {}
        self.causations = dict(causations or {})
        """The highest causation below the position, by the partition that it names."""

    def covers(self, offset: int, causation: Causation | None, timestamp_ms: int) -> bool:
        """Tell whether the record at `offset` is done already."""
        done = self._finished is not None and self._was_finished(self._finished, offset, timestamp_ms)
        if causation is not None:
            if causation.repeats(self._seen.get(causation.partition)):
                return True  # and not noted: a repetition that was finished before must not lower what has been seen
            self._seen[causation.partition] = self._by_offset[offset] = causation
        return done

    def _was_finished(self, finished: FinishedRanges, offset: int, timestamp_ms: int) -> bool:
        if self._committed is not None and offset < self._committed:
            self._finished = None  # the topic does not go on where the group was: its offsets mean other records now
            return False
        left = finished.beyond(offset)
        self._finished = left if left.ranges else None
        return finished.cover(offset, timestamp_ms)

    def passed(self, offset: int) -> None:
        """Note that the position has moved over `offset`."""
        if (causation := self._by_offset.pop(offset, None)) is not None:
            self.causations[causation.partition] = causation
