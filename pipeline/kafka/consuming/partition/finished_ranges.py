"""What is finished beyond a record that is not, as text that rides on a commit.

A commit's position cannot pass an unfinished record. So that a crash does not repeat the thousands that were finished
beyond one hanging POST, the commit says in its metadata which ones they are.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple, Self

TEXT_LIMIT: Final = 1000  # characters: the broker takes 4096 with each commit, origins may need 3000


class FinishedRanges(NamedTuple):
    """Offsets that were finished at `at_ms`, milliseconds since 1970, in rising ranges.

    A record that was written later is none of them: the topic has lost its end, and counts the same offsets again.
    """

    at_ms: int
    ranges: tuple[range, ...]

    def cover(self, offset: int, timestamp_ms: int) -> bool:
        """Tell whether the record at `offset` was finished."""
        return timestamp_ms <= self.at_ms and any(offset in it for it in self.ranges)

    def beyond(self, offset: int) -> Self:
        """Return what is left when records come in order and `offset` has come."""
        return self._replace(ranges=tuple(it for it in self.ranges if it.stop > offset + 1))

    def text(self, position: int) -> str:
        """Return it as it is kept with a commit at `position`: the time, and the steps of `to_text`."""
        return f"{self.at_ms}:{to_text(position, self.ranges)}" if self.ranges else ""

    @classmethod
    def parse(cls, text: str, position: int) -> Self:
        """Read `text` back, which was committed with `position`; what cannot be read counts as nothing."""
        at, _, pairs = text.partition(":")
        ranges: list[range] = []
        try:
            for pair in pairs.split(",") if pairs else ():
                skipped, count = map(int, pair.split("+"))
                if skipped < 0 or count < 1:
                    break
                ranges.append(range(position + skipped, position + skipped + count))
                position = ranges[-1].stop
            return cls(int(at or 0), tuple(ranges))
        except ValueError:
            return cls(0, ())


def to_text(position: int, ranges: Iterable[range]) -> str:
    """Return `ranges`, which rise from `position` on, as steps: `2+498,1+7` skips 2, covers 498, skips 1, covers 7.

    What no longer fits is left out: it is repeated after a crash.
    """
    steps: list[str] = []
    length = 0
    for it in ranges:
        step = f"{it.start - position}+{len(it)}"
        length += len(step) + 1
        if length > TEXT_LIMIT:
            break
        steps.append(step)
        position = it.stop
    return ",".join(steps)
