"""How far the message log is behind what lies in its topics, in records, and whether that is near.

Records gather for seconds under load, so a log that keeps up with ten thousand a second is tens of thousands behind:
they are nothing to one that writes as many in seconds, and too many for one that writes none.
"""

from collections import deque
from typing import Final

NEAR_RECORDS: Final = 10_000
"""Behind by fewer it is near at any pace."""

NEAR_SECONDS: Final = 10
"""Behind by more than it has written in so many seconds its answers are too old to be called answers."""


class Distance:
    """Is told once a second how many records are ahead, and how many were ever written. None is known before that."""

    def __init__(self) -> None:
        self.records: int | None = None
        self._written: deque[int] = deque(maxlen=NEAR_SECONDS + 1)

    def look(self, ahead: int, written: int) -> None:
        """Take what a look at the topics has told."""
        self.records = ahead
        self._written.append(written)

    @property
    def is_near(self) -> bool:
        """Whether it has answers."""
        if self.records is None:
            return False
        return self.records < max(NEAR_RECORDS, self._written[-1] - self._written[0])
