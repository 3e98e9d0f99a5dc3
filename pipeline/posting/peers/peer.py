"""One peer, a carrier or a trunk's endpoint: what its answers tell, and so how much it is posted to now.

Pure: time comes from the `clock` that is given, in seconds that only go forward.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from pipeline.posting.peers.breaker import Breaker, BreakerState
from pipeline.posting.peers.limit import Limit
from pipeline.posting.peers.pace import Pace

SLOW_SECONDS: Final = 1.0  # answers that take longer on average are slow ...
QUICK_AGAIN_SECONDS: Final = 0.5  # ... until they take less than this
WORTH_WAITING_SECONDS: Final = 5.0  # for one that is away, before what another would take goes there
_EXPECTED_SECONDS: Final = 0.25  # of a peer that has not answered yet
_WEIGHT: Final = 1 / 8  # of the latest answer in the average


class News(Enum):
    """What the end of a POST says about the peer, whatever it says about the message."""

    ANSWERED = auto()  # it is well
    THROTTLED = auto()  # it is well, and has too much to do (429)
    UNAVAILABLE = auto()  # it turns us away (503)
    UNREACHABLE = auto()  # nothing could be sent
    SILENT = auto()  # no answer, or one that leaves open what has become of it (other 5xx)


class Peer:
    """How one peer is. `most` is how many POSTs it may have open, `at_first` until it has answered.

    Whoever was let in (`admit`, `admit_probe`) says how each POST went (`learn`), and leaves once (`release`).
    """

    __slots__ = (
        "_answered_at",
        "_clock",
        "_heard",
        "_pace",
        "_seconds",
        "blocked",
        "breaker",
        "error",
        "in_flight",
        "name",
        "rate",
        "slow",
        "unreachable",
        "used_at",
    )  # fmt: skip

    def __init__(
        self, name: str, clock: Callable[[], float], *, most: int, at_first: int | None = None, cautious: bool = False
    ) -> None:
        self.name = name
        self.breaker = Breaker(clock, cautious=cautious)
        self.blocked = False
        """Whether an operator wants nothing posted to it."""
        self.in_flight = 0
        self.rate: Limit | None = None
        """How many segments a second it takes, where there is a limit."""
        self.slow = False
        self.error = ""
        """What was wrong last."""
        self.unreachable = False
        """Whether the last failure was that nothing could be sent: then to connect is all that it takes to find out."""
        self.used_at = clock()
        self._pace = Pace(clock, most, at_first)
        self._clock = clock
        self._answered_at = float("-inf")
        self._heard = False
        self._seconds = _EXPECTED_SECONDS

    @property
    def away(self) -> bool:
        """Whether nothing is posted to it but probes."""
        return self.blocked or not self.breaker.closed

    @property
    def worth_waiting_for(self) -> bool:
        """Whether it is here, or has not been away for long, nor has asked for that."""
        return not self.blocked and self.breaker.away_seconds < WORTH_WAITING_SECONDS

    @property
    def limit(self) -> int:
        """How many POSTs may be open at once."""
        return self._pace.limit

    def allow(self, most: int) -> None:
        """Take over a changed upper bound."""
        self._pace.allow(most)

    def admit(self) -> bool:
        """Ask leave for one POST."""
        if self.in_flight >= self._pace.limit or self.blocked or not self.breaker.closed:
            return False
        self.in_flight += 1
        return True

    def admit_probe(self) -> bool:
        """Ask leave for one POST that finds out whether the peer is back."""
        if not self.breaker.admit_probe():
            return False
        self.in_flight += 1
        return True

    @property
    def wants_probe(self) -> bool:
        """Whether a probe would be let in now."""
        return not self.blocked and self.breaker.state is BreakerState.HALF_OPEN

    def release(self) -> None:
        """Give back what `admit` or `admit_probe` has given."""
        self.in_flight -= 1

    def learn(
        self, news: News, seconds: float, *, probe: bool = False, error: str = "", pause_seconds: float | None = None
    ) -> None:
        """Take in how a POST went that took `seconds`; the peer has asked to be left alone for `pause_seconds`."""
        self.used_at = self._clock()
        self._heard = True
        self._took(seconds)
        if news is News.ANSWERED:
            self.unreachable = False
            self._answered_at = self.used_at
            self.breaker.succeeded(probe=probe)
            self._pace.succeeded()
            return
        self.error = error
        self.unreachable = news is News.UNREACHABLE
        slowest = self._pace.limit == 1
        if news is News.THROTTLED or news is News.UNAVAILABLE:
            self._pace.throttled()
        else:
            self._pace.failed()
        # One that only finds it too much is asked for less; what it still refuses at the slowest pace counts.
        if news is not News.THROTTLED or slowest or probe:
            self.breaker.failed(probe=probe, in_doubt=news is News.SILENT)
        if pause_seconds:
            self.breaker.pause(pause_seconds)

    def hangs(self, seconds: float) -> None:
        """Note a POST that has no answer after `seconds`, and that the average need not wait for it.

        One that hangs while others are answered says nothing.
        """
        if self._clock() - self._answered_at < seconds:
            return
        self._seconds = max(self._seconds, seconds)
        self.slow = self.slow or self._seconds > SLOW_SECONDS

    def reached(self, *, connected: bool) -> None:
        """Take in whether a connection could be made, which was the whole probe."""
        self.unreachable = not connected
        if connected:
            self.breaker.left(probe=True)
        else:
            self.breaker.failed(probe=True)

    @property
    def unheard(self) -> bool:
        """Whether nothing is known of it: no POST to it has ended."""
        return not self._heard

    def begin_anew(self) -> None:
        """Forget what was learned: it is somewhere else now."""
        self.breaker.close()
        self.slow = self.unreachable = False
        self._seconds = _EXPECTED_SECONDS

    @property
    def well(self) -> bool:
        """Whether there is nothing worth remembering."""
        return self.breaker.closed and not self.slow and not self.in_flight

    def _took(self, seconds: float) -> None:
        self._seconds += (seconds - self._seconds) * _WEIGHT
        self.slow = self._seconds > (QUICK_AGAIN_SECONDS if self.slow else SLOW_SECONDS)
