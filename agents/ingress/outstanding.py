"""How many messages may wait for the broker at once: bounds memory, and keeps a flooding trunk from using it all."""

from enum import Enum, auto


class Full(Enum):
    """Which bound is reached."""

    TRUNK = auto()  # the caller's own doing: 429
    ALL = auto()  # ours: 503


class Outstanding:
    """Counts messages between their admission and the broker's answer, over all trunks and for each.

    A request whose messages do not fit is refused; one that is alone is let in even if it is larger than the bound, or
    it could never be.
    """

    def __init__(self, limit: int, limit_per_trunk: int) -> None:
        self._limit = limit
        self._limit_per_trunk = limit_per_trunk
        self._by_trunk: dict[str, int] = {}
        self.total = 0

    def take(self, trunk_id: str, messages: int) -> Full | None:
        """Make room for `messages`, or return the bound that has none left."""
        held = self._by_trunk.get(trunk_id, 0)
        if held and held + messages > self._limit_per_trunk:
            return Full.TRUNK
        if self.total and self.total + messages > self._limit:
            return Full.ALL
        self._by_trunk[trunk_id] = held + messages
        self.total += messages
        return None

    def give_back(self, trunk_id: str, messages: int) -> None:
        """Free what `take` has taken."""
        left = self._by_trunk[trunk_id] - messages
        if left:
            self._by_trunk[trunk_id] = left
        else:
            del self._by_trunk[trunk_id]  # only trunks that wait are remembered
        self.total -= messages
