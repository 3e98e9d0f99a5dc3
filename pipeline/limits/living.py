"""Which processes there are: each says so every few seconds, and one that is silent while others speak has gone.

So nobody asks anybody, and no clock is compared with another one's. While the broker is silent nothing is heard of
anybody, and nobody is taken for gone: what is shared stays as it was.
"""

import time
from collections.abc import Callable
from typing import Final

SAY_SECONDS: Final = 2.0
GONE_SECONDS: Final = 7.0
"""Of silence: three announcements that did not come."""


class Living:
    """The processes that have been heard of, and `own`, which needs not be. `clock` only goes forward."""

    def __init__(self, own: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._own = own
        self._clock = clock
        self._heard_at: dict[str, float] = {}
        self.count = 1
        """How many there are."""
        self.changed_at = clock()
        """Since when there are so many."""

    def heard(self, identity: str) -> None:
        """Note that a process lives; whoever has been silent for too long by then is gone."""
        now = self._heard_at[identity] = self._clock()
        silent = [it for it, at in self._heard_at.items() if at < now - GONE_SECONDS]
        for gone in silent:
            del self._heard_at[gone]
        self._recount()

    def left(self, identity: str) -> None:
        """Note that a process has said goodbye."""
        self._heard_at.pop(identity, None)
        self._recount()

    def _recount(self) -> None:
        count = len(self._heard_at) + (self._own not in self._heard_at)
        if count != self.count:
            self.count, self.changed_at = count, self._clock()
