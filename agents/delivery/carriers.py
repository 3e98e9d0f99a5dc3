"""The carriers of the directory as peers: how much each one takes, and how it is."""

from collections.abc import Callable

from agents.delivery.line_up import Reading
from pipeline.directory.model import Directory
from pipeline.metrics import CARRIER_BREAKER, CARRIER_PACE
from pipeline.posting.breaker import BreakerState
from pipeline.posting.dispatcher import Dispatcher
from pipeline.posting.intake import Entry
from pipeline.posting.peer import Peer
from pipeline.posting.peers import Peers
from schemas.directory.carrier import InDoubtPolicy

_STATES = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}
UNKNOWN_AT_ONCE = 16  # messages to a carrier that is gone end without a POST


def carrier_peer(directory: Directory, clock: Callable[[], float], carrier_id: str) -> Peer:
    """Make the peer of a carrier; one that the directory does not have gets one too."""
    carrier = directory.carrier(carrier_id)
    most = UNKNOWN_AT_ONCE if carrier is None else carrier.max_in_flight
    peer = Peer(carrier_id, clock, most=most)
    if carrier is not None:
        peer.blocked = carrier.blocked
        peer.breaker.cautious = carrier.in_doubt_policy is InDoubtPolicy.GIVE_UP
    return peer


class Carriers:
    """Lets peers follow the directory, and the metrics follow the peers."""

    def __init__(self, directory: Directory, peers: Peers, dispatcher: Dispatcher[Entry[Reading]]) -> None:
        self._directory = directory
        self._peers = peers
        self._dispatcher = dispatcher
        self._shown: set[str] = set()

    def update(self) -> None:
        """Take over what the directory says now, and show how things are; to be called every second."""
        there: set[str] = set()
        for peer in self._peers:
            carrier = self._directory.carrier(peer.name)
            if carrier is None:
                peer.blocked = False
                continue
            there.add(peer.name)
            peer.blocked = carrier.blocked
            peer.breaker.cautious = carrier.in_doubt_policy is InDoubtPolicy.GIVE_UP
            peer.allow(carrier.max_in_flight)
            self._dispatcher.resume(peer)
            CARRIER_BREAKER.labels(peer.name).set(_STATES[peer.breaker.state])
            CARRIER_PACE.labels(peer.name).set(peer.limit)
        for gone in self._shown - there:
            CARRIER_BREAKER.remove(gone)
            CARRIER_PACE.remove(gone)
        self._shown = there
        self._peers.sweep()
