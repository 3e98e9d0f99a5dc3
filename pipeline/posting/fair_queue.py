"""Whose turn it is: peers take turns, and in each of them its flows, so whoever floods waits for itself.

A flow whose turn has come may be kept back: by the places that are left for it, by its limit, by what it owes, or
because its account holds its share of the peer. Then it waits in a list of its own until that has changed, in nobody's
way, or for its next turn.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Generic, TypeVar

from pipeline.posting.flows import Flow, Lane
from pipeline.posting.peers.peer import Peer
from pipeline.posting.peers.together import Rate
from pipeline.posting.places import QUICK, SLOW, Places, holds_its_share

T = TypeVar("T")


class PeerFlows(Generic[T]):
    """A peer's flows, those that may be taken from in the order of their turns, and how much each account has open."""

    __slots__ = ("flows", "held", "listed", "peer", "ready")

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.flows: dict[str, Flow[T]] = {}
        self.ready: deque[Flow[T]] = deque()
        self.held: Counter[str] = Counter()
        self.listed = False

    def has_its_share(self, account: str) -> bool:
        """Tell whether an account holds so much of the peer that the rest is for others."""
        return holds_its_share(self.held[account], self.peer.limit, self.peer.in_flight)


class FairQueue(Generic[T]):
    """The flows that there are. `serve` calls `begin` for each one whose turn it is, with the class of its place.

    With `shares_peers` several accounts post to one peer. `rate_of` returns the limit of a flow of this name, if it has
    one.
    """

    def __init__(
        self,
        begin: Callable[[Flow[T], int], None],
        places: Places,
        *,
        shares_peers: bool,
        rate_of: Callable[[str], Rate | None],
    ) -> None:
        self._begin = begin
        self._places = places
        self._shares_peers = shares_peers
        self._rate_of = rate_of
        self._peers: dict[str, PeerFlows[T]] = {}
        self._ready: deque[PeerFlows[T]] = deque()
        self._full: tuple[deque[PeerFlows[T]], ...] = (deque(), deque())  # by class: until there is a place
        self._blocked: dict[tuple[str, int], deque[Flow[T]]] = {}  # by account and class: until it holds less
        self.closed = False
        """Whether nobody gets a turn any more."""

    def find(self, peer: Peer, name: str) -> Flow[T] | None:
        """Return the flow of this name to a peer, if anything of it is here."""
        waiting = self._peers.get(peer.name)
        return None if waiting is None else waiting.flows.get(name)

    def flow(self, peer: Peer, name: str, account: str) -> Flow[T]:
        """Return the flow of this name to a peer, to put something into it; it goes when nothing of it is left."""
        waiting = self._peers.get(peer.name)
        if waiting is None:
            waiting = self._peers[peer.name] = PeerFlows(peer)
        flow = waiting.flows.get(name)
        if flow is None:
            flow = waiting.flows[name] = Flow(name, account, peer, self._rate_of(name))
        return flow

    def __iter__(self) -> Iterator[Flow[T]]:
        return iter([flow for waiting in self._peers.values() for flow in waiting.flows.values()])

    def waits_for(self, peer: Peer) -> bool:
        """Tell whether anything waits for a peer."""
        return peer.name in self._peers

    def line_up(self, flow: Flow[T]) -> None:
        """Let a flow wait for its turn, if anything of it is ready; `serve` then."""
        if flow.listed or not flow:
            return
        flow.listed = True
        waiting = self._peers[flow.peer.name]
        waiting.ready.append(flow)
        self._line_up_peer(waiting)

    def _line_up_both(self, waiting: PeerFlows[T], flow: Flow[T]) -> None:
        """Let a flow wait for its turn, and its peer, of which others may be ready."""
        if not flow.listed and flow:
            flow.listed = True
            waiting.ready.append(flow)
        if waiting.ready and not waiting.listed:  # twice a message: a call less than `_line_up_peer`
            waiting.listed = True
            self._ready.append(waiting)

    def _line_up_peer(self, waiting: PeerFlows[T]) -> None:
        if waiting.ready and not waiting.listed:
            waiting.listed = True
            self._ready.append(waiting)

    def resume(self, peer: Peer) -> None:
        """Look again at what waits for a peer: it is back, or may be posted to more."""
        waiting = self._peers.get(peer.name)
        if waiting is not None:
            for flow in waiting.flows.values():
                self.line_up(flow)
            self._line_up_peer(waiting)
            self.serve()

    # Whose turn it is.

    def serve(self) -> None:
        """Begin as much as there are places for."""
        while not self.closed and (self._ready or self._call()):
            if not self._ready:
                continue  # who was called has nothing any more
            waiting = self._ready.popleft()
            waiting.listed = False
            place = SLOW if waiting.peer.slow else QUICK
            if self._places.are_full(place):
                waiting.listed = True
                self._full[place].append(waiting)
            elif (flow := self._next_flow(waiting, place)) is not None:
                waiting.held[flow.account] += 1
                self._places.take(flow.account, place)
                self._begin(flow, place)
                self._line_up_both(waiting, flow)
            self._forget_peer(waiting)

    def _next_flow(self, waiting: PeerFlows[T], place: int) -> Flow[T] | None:
        """Return the flow whose turn it is, admitted at its peer; None when the peer takes no more of any now.

        What is left in the list then is looked at again when a turn of the peer ends, or it is back.
        """
        limit = waiting.peer.rate
        if limit is not None and waiting.ready and not limit.is_free:
            limit.when_free(waiting.peer.name, partial(self._peer_is_free, waiting))
            return None
        left = len(waiting.ready)
        while left:
            flow = waiting.ready.popleft()
            left -= 1
            if not flow:
                flow.listed = False
                self._forget(flow)
            elif not self._places.may_take(flow.account, place):
                self._blocked.setdefault((flow.account, place), deque()).append(flow)  # and stays listed
            elif flow.rate is not None and not flow.rate.is_free:
                flow.rate.when_free((flow.peer.name, flow.name), partial(self._flow_is_free, flow))  # and stays listed
            elif flow.owes and waiting.ready:
                flow.owes -= 1
                waiting.ready.append(flow)
                left += 1
            elif self._shares_peers and waiting.has_its_share(flow.account):
                waiting.ready.append(flow)
            elif waiting.peer.admit():
                flow.owes = 0  # if it owes anything, nobody was there to go first
                flow.listed = False
                return flow
            else:
                waiting.ready.appendleft(flow)
                return None
        return None

    def _peer_is_free(self, waiting: PeerFlows[T]) -> None:
        self._line_up_peer(waiting)
        self.serve()

    def _flow_is_free(self, flow: Flow[T]) -> None:
        flow.listed = False
        if flow.peer.name in self._peers:
            self.line_up(flow)
            self._forget(flow)
            self.serve()

    def _call(self) -> bool:
        """Let the next one in line try for a place that is free: who was called before may not have taken it."""
        for place in (QUICK, SLOW):
            if self._full[place] and not self._places.are_full(place):
                self._call_peer(place)
                return True
        for account, place in self._blocked:
            if self._places.may_take(account, place):
                self._call_flow(account, place)
                return True
        return False

    def _call_peer(self, place: int) -> None:
        waiting = self._full[place].popleft()
        waiting.listed = False
        self._line_up_peer(waiting)
        self._forget_peer(waiting)

    def _call_flow(self, account: str, place: int) -> None:
        blocked = self._blocked[account, place]
        flow = blocked.popleft()
        if not blocked:
            del self._blocked[account, place]
        flow.listed = False
        self.line_up(flow)
        self._forget(flow)

    # What has become of it.

    def begun(self, flow: Flow[T], place: int) -> None:
        """Note that something of a flow has begun out of its turn; it stays where it is in its list."""
        self._peers[flow.peer.name].held[flow.account] += 1
        self._places.take(flow.account, place)
        self.line_up(flow)

    def change_place(self, flow: Flow[T], place: int, other: int) -> bool:
        """Let what has begun of a flow have a place of the other class, if it may; `serve` then."""
        if not self._places.may_take(flow.account, other):
            return False
        self._places.take(flow.account, other)
        self._leave(flow, place)
        return True

    def _leave(self, flow: Flow[T], place: int) -> None:
        self._places.leave(flow.account, place)
        if (flow.account, place) in self._blocked:
            self._call_flow(flow.account, place)
        if place in (QUICK, SLOW) and self._full[place]:
            self._call_peer(place)

    def ended(self, flow: Flow[T], lane: Lane[T], place: int) -> None:
        """Note that what was begun of a lane is no longer at work, and let others have the place."""
        waiting = self._peers[flow.peer.name]
        waiting.held[flow.account] -= 1
        if not waiting.held[flow.account]:
            del waiting.held[flow.account]
        self._leave(flow, place)
        flow.done(lane)
        self._line_up_both(waiting, flow)
        self._forget(flow)
        self.serve()

    def emptied(self, flow: Flow[T]) -> None:
        """Note that all that waited was taken out of a flow."""
        self._forget(flow)
        waiting = self._peers.get(flow.peer.name)
        if waiting is not None:
            self._line_up_peer(waiting)  # to leave out what is empty now
            self.serve()

    def _forget(self, flow: Flow[T]) -> None:
        if flow.waiting or flow.busy or flow.listed:
            return
        waiting = self._peers.get(flow.peer.name)
        if waiting is not None and waiting.flows.get(flow.name) is flow:
            del waiting.flows[flow.name]
            self._forget_peer(waiting)

    def _forget_peer(self, waiting: PeerFlows[T]) -> None:
        if not waiting.flows and not waiting.listed and self._peers.get(waiting.peer.name) is waiting:
            del self._peers[waiting.peer.name]
