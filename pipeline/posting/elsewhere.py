"""Where something goes whose peer is away for long, when another peer would take it, too.

What waits for a peer was not tried there, so nothing speaks against another one; only whoever made the entry knows
which these are, and that no part of it may have been taken already. A peer that all leave must still be found when it
is back: one that cannot be reached is found by a connection, another one needs something to be tried with, so now and
then one entry stays.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pipeline.posting.peers.known_peers import Peers
from pipeline.posting.peers.peer import Peer
from pipeline.posting.row import FlowKey

REST_TICKS: Final = 20  # of a flow of which nothing could go anywhere else


class Elsewhere:
    """Decides who takes what nobody has begun. `tick` is to be called a few times a second."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._left: dict[str, None] = {}
        self._kept: set[str] = set()
        self._resting: dict[FlowKey, int] = {}

    def taker(self, peer: Peer, names: Sequence[str]) -> Peer:
        """Return the first of `names` that is here, else one that is worth waiting for, else `peer`, which is not."""
        others = [self._peers.of(name) for name in names if name != peer.name]
        found = next((it for it in others if not it.away), None)
        found = found or next((it for it in others if it.worth_waiting_for), None)
        if found is None:
            return peer
        self._left[peer.name] = None
        return found

    def keeps_one(self, peer: Peer) -> bool:
        """Tell, once a tick, whether the next entry should stay to find out whether the peer is back."""
        if peer.name in self._kept or peer.unreachable or not peer.wants_probe:
            return False
        self._kept.add(peer.name)
        return True

    def tick(self) -> None:
        """Forget peers that are back, and let flows that have rested be looked at again."""
        self._kept.clear()
        self._left = {name: None for name in self._left if self._peers.of(name).away}
        self._resting = {key: ticks - 1 for key, ticks in self._resting.items() if ticks > 1}

    def to_reach(self) -> Iterator[str]:
        """Iterate over the peers that were left and cannot be reached, as far as is known."""
        for name in self._left:
            peer = self._peers.of(name)
            if peer.unreachable and peer.wants_probe:
                yield name

    def leaving(self, flows: Iterable[FlowKey]) -> list[FlowKey]:
        """Return the flows that should not wait any longer for their peers."""
        return [key for key in flows if key not in self._resting and not self._peers.of(key.peer).worth_waiting_for]

    def let_rest(self, flow: FlowKey) -> None:
        """Note that nothing of a flow could go anywhere else."""
        self._resting[flow] = REST_TICKS
