"""When to leave a peer alone: a carrier or an endpoint that fails again and again is only probed until it is back.

Closed, everything goes through. After some failures in a row it opens: nothing goes through but a probe now and then.
A probe that succeeds closes it; one that fails keeps it open. What waits meanwhile waits for the peer and not for a
clock, so the pauses are short: whoever is back is found within two seconds. A peer that asks for a longer pause
(`Retry-After`) gets it.

A probe can hang until its time-out, and the peer be back long before: so the next one does not wait for it, up to
`most_probes` at once. A peer whose doubtful answers cost messages is probed more seldom after one (`cautious`).

Pure: time comes from the `clock` that is given, in seconds that only go forward.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

TRIP_AFTER: Final = 5  # failures in a row: one in ten failing by chance trips it once in 100,000 attempts
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 1.5
MOST_PROBES: Final = 4
# For a peer of which every attempt in doubt is a message lost: doubled with each, up to this.
LONGEST_CAUTIOUS_PAUSE_SECONDS: Final = 30.0
LONGEST_ASKED_SECONDS: Final = 300.0


class BreakerState(StrEnum):
    """What it does with the next one."""

    CLOSED = "closed"  # lets it through
    OPEN = "open"  # does not
    HALF_OPEN = "half_open"  # lets it through as a probe


class Breaker:
    """The breaker of one peer.

    Everyone who was let in says once how it went: `succeeded`, `failed`, or `left` when it was not tried after all; and
    whether it was a probe.
    """

    def __init__(self, clock: Callable[[], float], *, cautious: bool = False) -> None:
        self._clock = clock
        self._most_probes = 1 if cautious else MOST_PROBES
        self.cautious = cautious
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._failures = 0
        self._opened_until: float | None = None
        self._opened_at = 0.0
        self._probes = 0
        self.times_opened = 0
        """How often it has opened."""

    @property
    def closed(self) -> bool:
        """Whether everything goes through: what is asked most."""
        return self._opened_until is None

    @property
    def state(self) -> BreakerState:
        """What it is now."""
        if self._opened_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.seconds_left else BreakerState.HALF_OPEN

    @property
    def seconds_left(self) -> float:
        """How long nothing at all goes through; 0 when a probe would."""
        return 0.0 if self._opened_until is None else max(0.0, self._opened_until - self._clock())

    @property
    def away_seconds(self) -> float:
        """How long it will have been open when a probe goes through; 0 while it is closed."""
        return 0.0 if self._opened_until is None else max(self._opened_until, self._clock()) - self._opened_at

    def admit_probe(self) -> bool:
        """Ask leave for a probe of an open breaker; the next one has its turn after another pause."""
        now = self._clock()
        if self._opened_until is None or now < self._opened_until or self._probes >= self._most_probes:
            return False
        self._probes += 1
        self._opened_until = now + self._pause_seconds
        return True

    def succeeded(self, *, probe: bool = False) -> None:
        """Note an answer that shows that the peer is well: closes it.

        An open breaker stays open when it is no probe: the answer is to something that was sent before it opened.
        """
        self._probes -= probe
        if self._opened_until is None or probe:
            self.close()

    def close(self) -> None:
        """Let everything through."""
        self._failures = 0
        self._opened_until = None
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def failed(self, *, probe: bool = False, in_doubt: bool = False) -> None:
        """Note a failure that says something about the peer and not about what was sent."""
        self._probes -= probe
        if self._opened_until is None:
            self._failures += 1
            if self._failures >= TRIP_AFTER:
                self._failures = 0
                self._open_until(self._clock() + self._pause_seconds)
        elif probe:
            longest = LONGEST_CAUTIOUS_PAUSE_SECONDS if in_doubt and self.cautious else LONGEST_PAUSE_SECONDS
            self._pause_seconds = min(self._pause_seconds * 2, longest)
            self._opened_until = max(self._opened_until, self._clock() + self._pause_seconds)
        # Else it is late news of something that was sent before it opened.

    def left(self, *, probe: bool = False) -> None:
        """Note that what was let in was not tried after all: a probe leaves its turn to another."""
        self._probes -= probe
        if probe and self._opened_until is not None:
            self._opened_until = self._clock()

    def pause(self, seconds: float) -> None:
        """Open it for `seconds` (at most five minutes) because the peer has asked for that."""
        self._open_until(self._clock() + min(max(seconds, 0.0), LONGEST_ASKED_SECONDS))

    def _open_until(self, until: float) -> None:
        if self._opened_until is None:
            self._opened_at = self._clock()
            self.times_opened += 1
        self._opened_until = max(self._opened_until or 0.0, until)
