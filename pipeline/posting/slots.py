"""How many may be at work at once, with two classes of waiting callers that share it.

First attempts get three turns of four while both classes wait, so that neither a storm of retries nor one of new
messages shuts the other out; a class alone has everything.
"""

import asyncio
from collections import deque
from typing import Final

TURNS: Final = 4  # of which one is for later attempts


class Slots:
    """`limit` slots. Whoever got one gives it back with `release`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._turn = 0
        self._first: deque[asyncio.Future[bool]] = deque()
        self._later: deque[asyncio.Future[bool]] = deque()
        self.taken = 0

    @property
    def limit(self) -> int:
        """How many there are."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = limit
        self._grant()

    def take(self) -> bool:
        """Take a slot if one is free."""
        if self.taken >= self._limit:
            return False
        self.taken += 1
        return True

    async def wait(self, *, later: bool) -> bool:
        """Wait for a slot; False when `refuse` was called meanwhile."""
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        (self._later if later else self._first).append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self.release()
            raise

    def release(self) -> None:
        """Give a slot back."""
        self.taken -= 1
        if self._first or self._later:
            self._grant()

    def refuse(self) -> None:
        """Send everybody away who waits."""
        for queue in (self._first, self._later):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(False)

    def _grant(self) -> None:
        while self.taken < self._limit and (self._first or self._later):
            if self._first and self._later:
                self._turn = (self._turn + 1) % TURNS
                queue = self._later if self._turn == 0 else self._first
            else:
                queue = self._first or self._later
            turn = queue.popleft()
            if not turn.done():
                self.taken += 1
                turn.set_result(True)
