"""At most so many segments a second, over all processes together and without any of them asking another.

A token bucket for each process, with the part of the rate and of the burst that is the part of the partitions which it
has: the parts add up to the whole. Whoever gets partitions begins with an empty bucket, so that what their last owner
has just posted and what the new one posts do not add up to more. A segment takes a whole token: where a process' part
of the burst is less than one, what it is short of is taken off its part of the rate. So within any second no more is
posted than the rate and the burst; or one segment by each process, where the rate is lower than there are processes.

What has begun goes first: further segments of a message that is at work have their tokens before another begins.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final

BURST_SECONDS: Final = 0.1  # of the rate, where nothing else is said
_ENOUGH: Final = 1 - 1e-9  # a token, as far as fractions add up


def usual_burst(per_second: float) -> int:
    """Return what may go at once where nothing else is said."""
    return max(1, round(per_second * BURST_SECONDS))


class Limit:
    """One process' part of a limit. `clock` gives seconds that only go forward, as the event loop's timers do."""

    def __init__(self, clock: Callable[[], float], per_second: float, burst: float, share: float) -> None:
        self._clock = clock
        self._tokens = 0.0
        self._counted_at = clock()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._wanted: dict[Hashable, Callable[[], None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._allowed = (0.0, 0.0, 0.0)
        self._per_second, self._capacity = 0.0, 1.0
        self.allow(per_second, burst, share)

    def allow(self, per_second: float, burst: float, share: float, *, emptied: bool = False) -> None:
        """Take over what the limit, and this process' part of it (0 to 1), are from now on."""
        if (per_second, burst, share) == self._allowed and not emptied:
            return
        self._count()
        self._allowed = per_second, burst, share
        ours = burst * share
        self._capacity = max(1.0, ours)
        rate = per_second * share
        self._per_second = rate if rate <= 1 else max(rate - (self._capacity - ours), 1.0)
        self._tokens = 0.0 if emptied else min(self._tokens, self._capacity)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._arm()

    @property
    def per_second(self) -> float:
        """How many segments a second this process may post."""
        return self._per_second

    @property
    def is_free(self) -> bool:
        """Whether a segment may be posted at once, and none that goes first waits."""
        if self._waiting:
            return False
        self._count()
        return self._tokens >= _ENOUGH

    def take(self) -> None:
        """Note that a segment is posted; ask `is_free` before."""
        self._tokens -= 1

    def give_back(self) -> None:
        """Note that one was not posted after all."""
        self._tokens = min(self._tokens + 1, self._capacity)
        self._serve()

    async def wait(self) -> None:
        """Wait until a further segment of something that has begun may be posted, and take its token."""
        if self.is_free:
            self.take()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._arm()
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif turn.done() and not turn.cancelled():
                self.give_back()
            raise

    def when_free(self, who: Hashable, call: Callable[[], None]) -> None:
        """Call `call` once when `is_free` again; the last one of `who` counts."""
        self._wanted[who] = call
        self._arm()

    def _count(self) -> None:
        now = self._clock()
        self._tokens = min(self._tokens + (now - self._counted_at) * self._per_second, self._capacity)
        self._counted_at = now

    def _arm(self) -> None:
        if self._timer is not None or not (self._waiting or self._wanted) or self._per_second <= 0:
            return
        self._count()
        seconds = max(0.0, 1 - self._tokens) / self._per_second
        self._timer = asyncio.get_running_loop().call_later(seconds, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._serve()

    def _serve(self) -> None:
        """Hand out what there is, and wait for more if somebody does."""
        self._count()
        while self._waiting and self._tokens >= _ENOUGH:
            turn = self._waiting.popleft()
            if not turn.done():
                self._tokens -= 1
                turn.set_result(None)
        if not self._waiting:
            wanted, self._wanted = self._wanted, {}
            while wanted and self._tokens >= _ENOUGH:
                wanted.pop(next(iter(wanted)))()
            self._wanted = wanted | self._wanted
        self._arm()


class Limits:
    """Limits by name, of one kind. What has none costs a look into a dictionary."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._share = 0.0
        self._held: dict[str, tuple[Limit, float, int]] = {}

    def of(self, name: str) -> Limit | None:
        """Return a limit, if there is one."""
        held = self._held.get(name)
        return None if held is None else held[0]

    def keep(self, names: set[str]) -> None:
        """Lift the limits of all others."""
        for name in self._held.keys() - names:
            del self._held[name]

    def limit(self, name: str, per_second: float | None, burst: int | None = None) -> Limit | None:
        """Set a limit, or (None) lift it; return it. A new one begins empty."""
        if per_second is None:
            self._held.pop(name, None)
            return None
        burst = burst or usual_burst(per_second)
        held = self._held.get(name)
        limit = Limit(self._clock, per_second, burst, self._share) if held is None else held[0]
        if held is not None:
            limit.allow(per_second, burst, self._share)
        self._held[name] = limit, per_second, burst
        return limit

    def share_is(self, share: float) -> None:
        """Take over which part of everything is this process', from 0 to 1; with more than before all begin empty."""
        emptied, self._share = share > self._share, share
        for limit, per_second, burst in self._held.values():
            limit.allow(per_second, burst, share, emptied=emptied)
