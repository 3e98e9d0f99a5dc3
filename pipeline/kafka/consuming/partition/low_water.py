"""From where on a journal must be read after a restart: no earlier than what uncommitted work has left in it."""

from collections import deque


class LowWater:
    """Places in one journal partition, each with the work that it comes before.

    `begun_before` is the highest offset that an earlier owner has left something about in the journal.
    """

    def __init__(self, mark: int, begun_before: int = -1) -> None:
        self._begun_before = begun_before
        self._marks: deque[tuple[int, int]] = deque([(begun_before, mark)])

    def mark(self, journal_end: int, last_offset: int | None) -> None:
        """Remember where the journal ends now, when `last_offset` is the last record that was handed out.

        What is said there about records that are neither handed out nor begun before comes after it.
        """
        if self._marks[-1][1] != journal_end:
            handed_out = max(self._begun_before, -1 if last_offset is None else last_offset)
            self._marks.append((handed_out, journal_end))

    def for_position(self, position: int) -> int:
        """Return the latest mark that is before everything at or after `position`."""
        while len(self._marks) > 1 and self._marks[1][0] < position:
            self._marks.popleft()
        return self._marks[0][1]
