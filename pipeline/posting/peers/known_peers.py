"""The peers that there are: made when they are first needed, forgotten when there is nothing to remember."""

from collections.abc import Callable, Iterator
from typing import Final

from pipeline.posting.peers.peer import Peer

KEEP_WELL_SECONDS: Final = 60.0
KEEP_SECONDS: Final = 3600.0
MAX_PEERS: Final = 20_000  # about a kilobyte each


class Peers:
    """Peers by name. `make` makes one; `needed` says of one whether something waits for it or is at work."""

    def __init__(
        self,
        make: Callable[[str], Peer],
        needed: Callable[[Peer], bool],
        clock: Callable[[], float],
        max_peers: int = MAX_PEERS,
    ) -> None:
        self._make = make
        self._needed = needed
        self._clock = clock
        self._max_peers = max_peers
        self._known: dict[str, Peer] = {}
        self.away = 0
        """How many were away at the last `sweep`."""
        self.slow = 0
        """How many were slow then."""

    def of(self, name: str) -> Peer:
        """Return a peer; one that is not known is well."""
        peer = self._known.get(name)
        if peer is None:
            peer = self._known[name] = self._make(name)
            if len(self._known) > 2 * self._max_peers:
                self.sweep()
        return peer

    def __iter__(self) -> Iterator[Peer]:
        return iter(tuple(self._known.values()))

    def sweep(self) -> None:
        """Count, and forget those that nobody needs: well ones after a minute, others after an hour, and any beyond the
        maximum, those that are well and unused for longest first.
        """
        now = self._clock()
        unneeded = [peer for peer in self if not self._needed(peer)]
        for peer in unneeded:
            if now - peer.used_at >= (KEEP_WELL_SECONDS if peer.well else KEEP_SECONDS):
                del self._known[peer.name]
        if len(self._known) > self._max_peers:
            left = sorted((it for it in unneeded if it.name in self._known), key=lambda it: (not it.well, it.used_at))
            for peer in left[: len(self._known) - self._max_peers]:
                del self._known[peer.name]
        self.away = sum(peer.away for peer in self)
        self.slow = sum(peer.slow for peer in self)

    def __len__(self) -> int:
        return len(self._known)
