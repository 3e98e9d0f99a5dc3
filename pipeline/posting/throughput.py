"""How much a peer takes, and so how much may wait for it before waiting elsewhere is better.

The rate is measured only while more waits than the peer takes: what it does then is what it can do.
"""

from collections.abc import Callable
from typing import Final

QUEUE_SECONDS: Final = 5.0  # as long as the smallest retry tier of the default schedule: waiting there costs no more
FIRST_GUESS_PER_SECOND: Final = 200.0  # until it is measured


class Throughput:
    """The measured rate of one peer; `clock` gives seconds that only go forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since = clock()
        self._busy = False
        self._finished = 0
        self.per_second = FIRST_GUESS_PER_SECOND
        self._measured = False

    def finished(self) -> None:
        """Note that one is done, however it went."""
        self._finished += 1

    def measure(self, *, busy: bool) -> None:
        """Close an interval; `busy` tells whether more waits now than the peer takes at once. Call it regularly."""
        now = self._clock()
        elapsed = now - self._since
        if elapsed > 0:
            if busy and self._busy:
                rate = self._finished / elapsed
                self.per_second = (self.per_second + rate) / 2 if self._measured else rate
                self._measured = True
            self._since = now
            self._finished = 0
        self._busy = busy

    def queue(self, at_once: int) -> int:
        """Return how many may wait: what is done soon, and enough to keep `at_once` busy."""
        return max(2 * at_once, int(self.per_second * QUEUE_SECONDS))

    def seconds_for(self, count: int) -> float:
        """Return how long `count` take."""
        return count / self.per_second if self.per_second > 0 else float("inf")
