"""When to leave a peer alone: a carrier or an endpoint that fails again and again is asked seldom until it recovers.

Closed, everything goes through. After some failures in a row it opens: nothing goes through for a while, then one
probe; a probe that succeeds closes it, one that fails opens it for twice as long. A peer that asks for a pause
(`Retry-After`) gets it in the same way. What may not go through is not lost: whoever asks moves it on to a retry tier.

Pure: time comes from the `clock` that is given, in seconds that only go forward.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

TRIP_AFTER: Final = 5  # failures in a row: one in ten failing by chance trips it once in 100,000 attempts
FIRST_PAUSE_SECONDS: Final = 5.0
LONGEST_PAUSE_SECONDS: Final = 300.0


class BreakerState(StrEnum):
    """What it does with the next one."""

    CLOSED = "closed"  # lets it through
    OPEN = "open"  # does not
    HALF_OPEN = "half_open"  # lets one through and waits what comes of it


class Breaker:
    """The breaker of one peer.

    Everyone who was let in says once how it went: `succeeded`, `failed`, or `left` when it was not tried after all.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        trip_after: int = TRIP_AFTER,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
        longest_pause_seconds: float = LONGEST_PAUSE_SECONDS,
    ) -> None:
        self._clock = clock
        self._trip_after = trip_after
        self._first_pause_seconds = first_pause_seconds
        self._longest_pause_seconds = longest_pause_seconds
        self._pause_seconds = first_pause_seconds
        self._failures = 0
        self._opened_until: float | None = None
        self._probing = False

    @property
    def closed(self) -> bool:
        """Whether everything goes through: what is asked most."""
        return self._opened_until is None

    @property
    def state(self) -> BreakerState:
        """What it is now."""
        if self._opened_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._clock() < self._opened_until else BreakerState.HALF_OPEN

    @property
    def seconds_left(self) -> float:
        """How long it stays open; 0 when it is not."""
        return 0.0 if self._opened_until is None else max(0.0, self._opened_until - self._clock())

    def admit(self) -> bool:
        """Ask leave for one attempt. When half open the first who asks is the probe."""
        if self._opened_until is None:
            return True
        if self._probing or self._clock() < self._opened_until:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """Note an answer that shows that the peer is well: closes it.

        An open breaker stays open: the answer is to something that was sent before it opened.
        """
        if self._opened_until is not None and not self._probing:
            return
        self._failures = 0
        self._probing = False
        self._opened_until = None
        self._pause_seconds = self._first_pause_seconds

    def failed(self) -> None:
        """Note a failure that says something about the peer and not about what was sent."""
        if self._opened_until is None:
            self._failures += 1
            if self._failures >= self._trip_after:
                self._open()
        elif self._probing:
            self._open()
        # Else it is late news of something that was sent before it opened.

    def left(self) -> None:
        """Note that what was let in was not tried after all."""
        self._probing = False

    def pause(self, seconds: float) -> None:
        """Open it for `seconds` (at most the longest pause) because the peer has asked for that."""
        self._probing = False
        self._opened_until = max(
            self._opened_until or 0.0, self._clock() + min(max(seconds, 0.0), self._longest_pause_seconds)
        )

    def _open(self) -> None:
        self._probing = False
        self._failures = 0
        self._opened_until = self._clock() + self._pause_seconds
        self._pause_seconds = min(self._pause_seconds * 2, self._longest_pause_seconds)
