"""How much a peer is asked at once: less when it throttles, a little more with each success.

Additive increase, multiplicative decrease, as in TCP's congestion avoidance (RFC 5681 section 3.1): the limit halves
when the peer says that it is too much, at most once a second, since everything in flight then tells the same; and
grows by one for every `limit` successes. So the rate settles just below what the peer takes. A peer that is not known
yet begins with little and gets one more with each answer (slow start).
"""

from collections.abc import Callable
from typing import Final

HALVE_EVERY_SECONDS: Final = 1.0


class Pace:
    """The pace towards one peer: `limit` at once, at most `most`, and `at_first` until it has answered."""

    def __init__(self, clock: Callable[[], float], most: int, at_first: int | None = None) -> None:
        self._clock = clock
        self._most = most
        self._at_first = most if at_first is None else min(at_first, most)
        self._limit = float(self._at_first)
        self._begins = self._limit < most
        self._halved_at = float("-inf")

    @property
    def limit(self) -> int:
        """How much may be in flight at once; at least 1."""
        return int(self._limit)

    def allow(self, most: int) -> None:
        """Take over a changed upper bound."""
        if most != self._most:
            self._limit = float(most) if self._limit >= self._most else min(self._limit, float(most))
            self._most = most

    def succeeded(self) -> None:
        """Note that the peer has taken something."""
        if self._limit < self._most:
            self._limit = min(self._limit + (1.0 if self._begins else 1 / self._limit), float(self._most))

    def throttled(self) -> None:
        """Note that the peer has said that it is too much."""
        self._begins = False
        now = self._clock()
        if now - self._halved_at >= HALVE_EVERY_SECONDS:
            self._halved_at = now
            self._limit = max(1.0, self._limit / 2)

    def failed(self) -> None:
        """Note that the peer has failed: what it takes is not known any more."""
        if self._at_first < self._most:
            self._limit = float(min(self._at_first, self._most))
            self._begins = True
