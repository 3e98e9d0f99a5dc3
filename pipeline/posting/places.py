"""The places for POSTs that are open at once, in four classes, and how many of them one account may hold.

Quick ones come back soon. Peers that are slow on average have places of their own, where they meet only their like; and
a POST that hangs gives up its quick place after a second, as long as there are places for those. One account may hold
so many places of a class that a part of it stays free (`_SHARE`), however many of its peers hang: with each account
that takes all it may, the part becomes smaller, but there always is one. Probes have places of their own: who is away
must not wait for others to be asked, nor may the questions that hang use up what answers need.
"""

from typing import Final

QUICK: Final = 0
SLOW: Final = 1
HANGING: Final = 2
PROBING: Final = 3

# An account may hold three places for each one that stays free: three quarters of them alone, three sevenths beside
# another one that takes all it may (dynamic thresholds, as switches share their buffers).
_SHARE: Final = 3
# Of what one peer takes at once a smaller part stays free: whoever comes meets the same peer in it. When that is well
# the next place is free within an answer's time, and when it hangs it hangs for all; what is kept is for the seconds in
# which only some of its answers do.
_PEER_SHARE: Final = 15
_SHARED_FROM: Final = 4  # POSTs that a peer takes at once: of fewer none is kept free


class Places:
    """`quick`, `slow` and `probing` are how many there are, as many as `quick` may hang beside."""

    def __init__(self, quick: int, slow: int, probing: int) -> None:
        self._free = [quick, slow, quick, probing]
        self._held: dict[str, list[int]] = {}

    def are_full(self, place: int) -> bool:
        """Tell whether no place of a class is free."""
        return self._free[place] <= 0

    def may_take(self, account: str, place: int) -> bool:
        """Tell whether one is free, and the account holds less than its share."""
        free, held = self._free[place], self._held.get(account)
        return free > 0 and (held is None or held[place] <= _SHARE * (free - 1))

    def take(self, account: str, place: int) -> None:
        """Take a place, which is the caller's until `leave`."""
        self._free[place] -= 1
        held = self._held.get(account)
        if held is None:
            held = self._held[account] = [0, 0, 0, 0]
        held[place] += 1

    def leave(self, account: str, place: int) -> None:
        """Give back what `take` has taken."""
        self._free[place] += 1
        held = self._held[account]
        held[place] -= 1
        if not any(held):
            del self._held[account]

    def __len__(self) -> int:
        return len(self._held)


def holds_its_share(held: int, limit: int, in_flight: int) -> bool:
    """Tell whether whoever `held` so many of the POSTs that a peer takes at once leaves the rest to others."""
    return limit >= _SHARED_FROM and held > _PEER_SHARE * (limit - in_flight - 1)
