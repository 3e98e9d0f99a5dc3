"""How an endpoint is, as its answers tell: down, slow, or well. What is idle and well is forgotten.

An endpoint is the origin of callback URLs: what is down or slow as one. Its health decides three things: whether
anything is posted to it now (its breaker), in which company it waits (slow ones only with slow ones), and how many
of its notifications may be under way and queued.

Pure: time comes from the `clock` that is given, in seconds that only go forward.
"""

from collections.abc import Callable
from typing import Final

from pipeline.posting.breaker import Breaker, BreakerState

SLOW_SECONDS: Final = 1.0  # answers that take longer on average are slow ...
QUICK_AGAIN_SECONDS: Final = 0.5  # ... until they take less than this
_EXPECTED_SECONDS: Final = 0.25  # of an endpoint that has not answered yet
_WEIGHT: Final = 1 / 8  # of the latest answer in the average
# Not more at once before it has shown that it answers: then one more for each answer.
FIRST_IN_FLIGHT: Final = 8
# What is queued must not wait for longer than this; what would, waits in a retry tier.
QUEUE_SECONDS: Final = 20.0
# After the pause a retry is the probe, because a first attempt that hangs would hold up the main topic; only when no
# retry comes for this long may a first attempt be.
PATIENCE_SECONDS: Final = 30.0
# How many of the deferred may come back per second: what is beyond waits in a longer tier.
COME_BACK_PER_SECOND: Final = 200.0

KEEP_WELL_SECONDS: Final = 60.0
KEEP_SECONDS: Final = 3600.0
MAX_ENDPOINTS: Final = 20_000  # about a kilobyte each


class EndpointHealth:
    """One endpoint. Whoever was admitted says once how it went: `answered`, `failed`, or `left`."""

    __slots__ = (
        "_answered_at", "_clock", "_deferrals", "_pause_ends", "_scouted", "_seconds", "allowed", "breaker", "closed",
        "origin", "slow", "used_at",
    )  # fmt: skip

    def __init__(self, origin: str, clock: Callable[[], float]) -> None:
        self.origin = origin
        self.breaker = Breaker(clock)
        self.closed = True
        """Whether the breaker is: what every notification asks."""
        self.slow = False
        self.allowed = FIRST_IN_FLIGHT
        """How many POSTs may be open at once, within the share that one endpoint has of the workers."""
        self.used_at = clock()
        self._clock = clock
        self._answered_at = float("-inf")
        self._seconds = _EXPECTED_SECONDS
        self._pause_ends = 0.0
        self._scouted = False
        self._deferrals = 0

    # Questions.

    def admit(self) -> bool:
        """Ask leave for one attempt, right before it."""
        return self.closed or self.breaker.admit()

    def may_queue(self, queued: int, share: int, *, later: bool) -> bool:
        """Tell whether one more may be queued behind `queued`, where it may have `share` POSTs open at once.

        `later` says that it is no first attempt.
        """
        if self.closed:
            return queued < self.queue_limit(share)
        if queued or self.breaker.state is not BreakerState.HALF_OPEN:
            return False
        return later or self._clock() - self._pause_ends >= PATIENCE_SECONDS

    def queue_limit(self, share: int) -> int:
        """How many may be queued with `share` POSTs open at once."""
        return max(share, int(share * QUEUE_SECONDS / self._seconds)) if self.closed else 1

    def defer(self) -> tuple[float, bool]:
        """Note that one is moved on without an attempt; return for how many seconds at least, and whether no longer.

        The first one of each pause comes back as soon as the pause is over: it will be the probe.
        """
        left = self.breaker.seconds_left
        self._deferrals += 1
        if not self.closed and not self._scouted:
            self._scouted = True
            return left, True
        return max(left, self._deferrals / COME_BACK_PER_SECOND), False

    @property
    def well(self) -> bool:
        """Whether there is nothing worth remembering."""
        return self.closed and not self.slow

    # News.

    def answered(self, seconds: float) -> None:
        """Note an answer, whatever it says, that shows that the endpoint lives; it took `seconds`."""
        self._took(seconds)
        self._answered_at = self._clock()
        self.allowed += 1
        self.breaker.succeeded()
        if not self.closed:
            self._look()

    def failed(self, seconds: float) -> None:
        """Note an answer that it cannot, or none at all, after `seconds`."""
        self._took(seconds)
        self.allowed = FIRST_IN_FLIGHT
        self.breaker.failed()
        self._look()

    def pause(self, seconds: float) -> None:
        """Note that it wants to be left alone for `seconds`."""
        self.breaker.pause(seconds)
        self._look()

    def left(self) -> None:
        """Note that what was admitted was not tried after all."""
        self.breaker.left()

    def hangs(self, seconds: float) -> None:
        """Note a POST that has no answer after `seconds`, and that the average need not wait for it.

        One that hangs while others are answered says nothing.
        """
        if self._clock() - self._answered_at < seconds:
            return
        self._seconds = max(self._seconds, seconds)
        self.slow = self.slow or self._seconds > SLOW_SECONDS

    def _took(self, seconds: float) -> None:
        self._seconds += (seconds - self._seconds) * _WEIGHT
        self.slow = self._seconds > (QUICK_AGAIN_SECONDS if self.slow else SLOW_SECONDS)

    def _look(self) -> None:
        self.closed = self.breaker.closed
        if self.closed:
            self._deferrals = 0
            return
        ends = self._clock() + self.breaker.seconds_left
        if ends > self._pause_ends and self.breaker.seconds_left:
            self._pause_ends = ends
            self._scouted = False


class Endpoints:
    """The health of those that are called now, or are not well."""

    def __init__(self, clock: Callable[[], float], max_endpoints: int = MAX_ENDPOINTS) -> None:
        self._clock = clock
        self._max_endpoints = max_endpoints
        self._known: dict[str, EndpointHealth] = {}
        self.open = 0
        """How many had a breaker that was not closed, at the last `sweep`."""
        self.slow = 0
        """How many were slow then."""

    def of(self, origin: str) -> EndpointHealth:
        """Return the health of one endpoint; one that is not known is well."""
        health = self._known.get(origin)
        if health is None:
            health = self._known[origin] = EndpointHealth(origin, self._clock)
            if len(self._known) > 2 * self._max_endpoints:
                self.sweep()
        else:
            health.used_at = self._clock()
        return health

    def sweep(self) -> None:
        """Count, and forget those that are well and unused for a minute, others after an hour, and any beyond the
        maximum, those that are well and unused for longest first.
        """
        now = self._clock()
        kept = {
            origin: health
            for origin, health in self._known.items()
            if now - health.used_at < (KEEP_WELL_SECONDS if health.well else KEEP_SECONDS)
        }
        if len(kept) > self._max_endpoints:
            by_worth = sorted(kept.values(), key=lambda health: (not health.well, health.used_at))
            for health in by_worth[: len(kept) - self._max_endpoints]:
                del kept[health.origin]
        self._known = kept
        self.open = sum(not health.closed for health in kept.values())
        self.slow = sum(health.slow for health in kept.values())

    def __len__(self) -> int:
        return len(self._known)
