"""What stands before one carrier: its breaker, its pace, and how many POSTs may be open to it.

First attempts do not probe a carrier that has failed while there may be others to do it: a probe can hang until its
time-out, and the partition of a first attempt has everybody's messages behind it.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from pipeline.carriers.decision import Deferral
from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.directory.model import Directory
from pipeline.metrics import CARRIER_BREAKER, CARRIER_PACE
from pipeline.posting.breaker import Breaker, BreakerState
from pipeline.posting.pace import Pace
from pipeline.posting.retry_after import retry_after_seconds
from pipeline.posting.slots import Slots
from pipeline.posting.throughput import Throughput
from schemas.directory.carrier import Carrier

TOO_MANY_REQUESTS = 429  # RFC 6585 section 4
THROTTLED = frozenset({TOO_MANY_REQUESTS, 503})
# Of one carrier's waiting messages at most so many should come back in vain: the more there are, the longer they wait.
LOOKS_PER_SECOND = 1000.0

_STATES = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


class Admission:
    """Leave to post to a carrier, one segment after the other, until `leave`."""

    __slots__ = ("_gate", "_held", "probing")

    def __init__(self, gate: "Gate", *, probing: bool) -> None:
        self._gate = gate
        self._held = True
        self.probing = probing
        """It is to find out whether the carrier is back, and that is not known yet."""

    @property
    def stands(self) -> bool:
        """Whether another POST may be made: the breaker may have opened since."""
        return self._held and (self.probing or self._gate.breaker.closed)

    def note(self, result: AttemptResult, now: datetime) -> None:
        """Say how a POST went."""
        self._gate.note(self, result, now)

    def leave(self) -> None:
        """Let the next one in; may be called again."""
        if self._held:
            self._held = False
            self._gate.left(self)


class Gate:
    """The gate of one carrier. `clock` gives seconds that only go forward.

    `patience_seconds` is how long a first attempt waits for somebody else to probe.
    """

    def __init__(self, clock: Callable[[], float], most: int, patience_seconds: float) -> None:
        self._clock = clock
        self._patience_seconds = patience_seconds
        self.breaker = Breaker(clock)
        """Ask it what it is; how POSTs went is told to the gate."""
        self._most = most
        self._pace = Pace(clock, most)
        self._slots = Slots(most)
        self._alive = False
        self._turned_away_at: float | None = None
        self._turn = 0
        self._last_error = ""
        self._moved_on = 0
        self.throughput = Throughput(clock)

    @property
    def state(self) -> BreakerState:
        """What the breaker is now."""
        return self.breaker.state

    @property
    def limit(self) -> int:
        """How many POSTs may be open at once."""
        return self._slots.limit

    def allow(self, most: int) -> None:
        """Take over the carrier's `max_in_flight`."""
        self._most = most
        self._pace.allow(most)
        self._slots.limit = self._pace.limit

    def enter_at_once(self) -> Admission | None:
        """Give leave to post where that takes no waiting; None says nothing more than that."""
        if self.breaker.closed and self._slots.take():
            return Admission(self, probing=False)
        return None

    async def enter(self, *, later: bool) -> Admission | None:
        """Wait for leave to post; None when the carrier is not to be asked now."""
        if self.breaker.closed:
            if not self._slots.take() and not await self._slots.wait(later=later):
                return None
            if self.breaker.closed:
                return Admission(self, probing=False)
            self._slots.release()
            return None
        if not self.may_probe(later=later) or not self._slots.take():
            return None
        if not self.breaker.admit():
            self._slots.release()
            return None
        self._turned_away_at = None
        return Admission(self, probing=True)

    def may_probe(self, *, later: bool) -> bool:
        """Tell whether one like this may find out if the carrier is back."""
        if self.breaker.state is not BreakerState.HALF_OPEN:
            return False
        if later or self._alive:
            return True
        now = self._clock()
        if self._turned_away_at is None:
            self._turned_away_at = now
        return now - self._turned_away_at >= self._patience_seconds

    def note(self, admission: Admission, result: AttemptResult, now: datetime) -> None:
        """Take in how an attempt went: what it says about the carrier, not about the message."""
        self.throughput.finished()
        outcome = result.outcome
        counts = admission.probing or self.breaker.closed  # else it is late news
        probed, admission.probing = admission.probing, False
        if outcome is Outcome.ACCEPTED or outcome is Outcome.REFUSED:
            if counts:
                self.breaker.succeeded()
            if outcome is Outcome.ACCEPTED and self._slots.limit < self._most:
                self._pace.succeeded()
                self._slots.limit = self._pace.limit
            return
        self._last_error = result.error or result.outcome.value
        slowest = self._pace.limit == 1
        if result.status in THROTTLED:
            self._pace.throttled()
            self._slots.limit = self._pace.limit
        # A carrier that only finds it too much is asked for less; what it still refuses at the slowest pace counts.
        if counts and (probed or slowest or result.status != TOO_MANY_REQUESTS):
            self.breaker.failed()
            self._alive = False
        asked = retry_after_seconds(result.retry_after, now)
        if asked:
            self.breaker.pause(asked)
            self._alive = True
        if not self.breaker.closed:
            self._slots.refuse()

    def left(self, admission: Admission) -> None:
        """Take back an admission."""
        if admission.probing:
            admission.probing = False
            self.breaker.left()
        self._slots.release()

    def came_back(self) -> None:
        """Note that a message that was moved on is here again."""
        self._moved_on = max(0, self._moved_on - 1)

    def deferral(self) -> Deferral:
        """Say why a message is not tried now, and how long it may have to wait."""
        self._moved_on += 1
        if not self.breaker.closed:
            why = f"not tried, the carrier is left alone: {self._last_error}"
            return Deferral(why, at_least_seconds=self._moved_on / LOOKS_PER_SECOND)
        self._turn += 1
        return Deferral(
            "not tried, more waits for the carrier than it takes",
            self.throughput.seconds_for(self._moved_on),
            self._turn,
        )

    def show(self, carrier_id: str) -> None:
        """Bring the metrics up to date."""
        CARRIER_BREAKER.labels(carrier_id).set(_STATES[self.breaker.state])
        CARRIER_PACE.labels(carrier_id).set(self._slots.limit)


class Gates:
    """The gates of all carriers, made when they are first needed."""

    def __init__(self, directory: Directory, clock: Callable[[], float], patience_seconds: float) -> None:
        self._directory = directory
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._gates: dict[str, Gate] = {}
        self.neighbours = True
        """Whether there is a carrier beside another, so that one can be in the other's way."""

    def of(self, carrier_id: str) -> Gate:
        """Return a carrier's gate; one that the directory does not have gets one too."""
        gate = self._gates.get(carrier_id)
        if gate is None:
            carrier = self._directory.carrier(carrier_id)
            most = 1 if carrier is None else carrier.max_in_flight
            gate = self._gates[carrier_id] = Gate(self._clock, most, self._patience_seconds)
        return gate

    def __iter__(self) -> Iterator[tuple[str, Gate]]:
        return iter(tuple(self._gates.items()))

    def update(self) -> None:
        """Take over what the directory says now, and show how things are; to be called every second."""
        in_service = sum(not carrier.blocked for carrier in self._directory.entries(Carrier))
        self.neighbours = in_service > 1
        for carrier_id, gate in self:
            carrier = self._directory.carrier(carrier_id)
            if carrier is not None:
                gate.allow(carrier.max_in_flight)
                gate.show(carrier_id)

    def is_gone(self, carrier_id: str) -> bool:
        """Tell whether the directory does not have a carrier."""
        return self._directory.carrier(carrier_id) is None

    def forget(self, carrier_id: str) -> None:
        """Drop the gate of a carrier that is gone."""
        self._gates.pop(carrier_id, None)
        CARRIER_BREAKER.remove(carrier_id)
        CARRIER_PACE.remove(carrier_id)
