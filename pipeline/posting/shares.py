"""Places that accounts share: however much one wants, a part stays free for the others.

An account may hold three places for each one that stays free: three quarters of them alone, three sevenths beside
another one that takes all it may (dynamic thresholds, as switches share their buffers). With each account that does,
the part becomes smaller, but there always is one.
"""

from collections import Counter
from typing import Final

FOR_EACH_FREE: Final = 3


class Shares:
    """How many places are free, and how many each account holds."""

    __slots__ = ("_held", "free")

    def __init__(self, places: int) -> None:
        self.free = places
        self._held: Counter[str] = Counter()

    def has_room(self, account: str) -> bool:
        """Tell whether an account may take one more."""
        return self.free > 0 and self._held[account] <= FOR_EACH_FREE * (self.free - 1)

    def take(self, account: str) -> None:
        """Take one, which is the caller's until `leave`."""
        self.free -= 1
        self._held[account] += 1

    def leave(self, account: str) -> None:
        """Give one back."""
        self.free += 1
        self._held[account] -= 1
        if not self._held[account]:
            del self._held[account]
