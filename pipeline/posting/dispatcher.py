"""Who is posted to next, and how many POSTs may be open: nobody's input holds what others need.

Peers take turns, and in each of them its flows. Beside what a peer itself takes (`Peer`) there are two bounds: how many
POSTs are open at all, and how many of them one account may hold (`Places`).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from functools import partial
from typing import Any, Generic, TypeVar

from pipeline.posting.flows import Flow, Kind, PeerFlows, Turn
from pipeline.posting.limit import Limit
from pipeline.posting.peer import SLOW_SECONDS, Peer
from pipeline.posting.places import HANGING, PROBING, QUICK, SLOW, Places

T = TypeVar("T")

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Makes a task of a worker. Whose group it is made in decides where an error of `work` goes."""


class Dispatcher(Generic[T]):
    """Calls `work` with turns. `quick` and `slow` are how many may be at work, as many as `quick` may hang beside, and
    `probing` may find out who is back.

    With `shares_peers` several accounts post to one peer, and the same goes for the places there. `clock` gives seconds
    that only go forward. `rate_of` returns the limit of a flow of this name, if it has one.
    """

    def __init__(
        self,
        work: Callable[[Turn[T]], Awaitable[None]],
        spawn: Spawn,
        clock: Callable[[], float],
        *,
        quick: int,
        slow: int,
        probing: int,
        shares_peers: bool = False,
        rate_of: Callable[[str], Limit | None] = lambda _: None,
    ) -> None:
        self._work = work
        self._spawn = spawn
        self._clock = clock
        self._shares_peers = shares_peers
        self._rate_of = rate_of
        self.places = Places(quick, slow, probing)
        self._peers: dict[str, PeerFlows[T]] = {}
        self._blocked: dict[tuple[str, int], deque[Flow[T]]] = {}  # by account and class: until it holds less
        self._ready: deque[PeerFlows[T]] = deque()
        self._full: tuple[deque[PeerFlows[T]], ...] = (deque(), deque())
        self._idle: list[asyncio.Future[Turn[T]]] = []
        self._workers: set[asyncio.Task[None]] = set()
        self._turns: set[Turn[T]] = set()
        self._closed = False
        self.waiting = 0
        """How many items nobody has begun."""

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
        """Tell whether anything waits for a peer in memory."""
        return peer.name in self._peers

    def put(self, flow: Flow[T], lane: int, kind: Kind, item: T) -> None:
        """Queue an item."""
        flow.put(lane, kind, item)
        self.waiting += 1
        if not flow.listed:  # else it is in line already, and what keeps it there still does
            self._list(flow)
            self._serve()

    def take_back(self, flow: Flow[T]) -> list[T]:
        """Take out of a flow all that nobody has begun."""
        taken = flow.drain()
        self.waiting -= len(taken)
        self._forget(flow)
        if (waiting := self._peers.get(flow.peer.name)) is not None:
            self._list_peer(waiting)  # to leave out what is empty now
            self._serve()
        return taken

    def probe(self, flow: Flow[T]) -> bool:
        """Let one item find out whether the peer is back; False when none is ready, or it may not."""
        may_be = flow and not self._closed and flow.is_free and self.places.may_take(flow.account, PROBING)
        if not may_be or not flow.peer.admit_probe():
            return False
        self._begin(flow, probe=True, place=PROBING)
        return True

    def resume(self, peer: Peer) -> None:
        """Look again at what waits for a peer: it is back, or may be posted to more."""
        waiting = self._peers.get(peer.name)
        if waiting is not None:
            for flow in waiting.flows.values():
                self._list(flow)
            self._list_peer(waiting)
            self._serve()

    # Lists: what may be taken next.

    def _list(self, flow: Flow[T]) -> None:
        if flow.listed or not flow:
            return
        flow.listed = True
        waiting = self._peers[flow.peer.name]
        waiting.ready.append(flow)
        self._list_peer(waiting)

    def _list_peer(self, waiting: PeerFlows[T]) -> None:
        if waiting.ready and not waiting.listed:
            waiting.listed = True
            self._ready.append(waiting)

    def _serve(self) -> None:
        """Begin as much as there are places for."""
        while not self._closed and (self._ready or self._call()):
            if not self._ready:
                continue  # who was called has nothing any more
            waiting = self._ready.popleft()
            waiting.listed = False
            place = SLOW if waiting.peer.slow else QUICK
            if self.places.are_full(place):
                waiting.listed = True
                self._full[place].append(waiting)
            elif (flow := self._next_flow(waiting, place)) is not None:
                self._begin(flow, probe=False, place=place)
                self._list_peer(waiting)
            self._forget_peer(waiting)

    def _call(self) -> bool:
        """Let the next one in line try for a place that is free: who was called before may not have taken it."""
        for place in (QUICK, SLOW):
            if self._full[place] and not self.places.are_full(place):
                self._call_peer(place)
                return True
        for account, place in self._blocked:
            if self.places.may_take(account, place):
                self._call_flow(account, place)
                return True
        return False

    def _call_peer(self, place: int) -> None:
        waiting = self._full[place].popleft()
        waiting.listed = False
        self._list_peer(waiting)
        self._forget_peer(waiting)

    def _call_flow(self, account: str, place: int) -> None:
        blocked = self._blocked[account, place]
        flow = blocked.popleft()
        if not blocked:
            del self._blocked[account, place]
        flow.listed = False
        self._list(flow)
        self._forget(flow)

    def _next_flow(self, waiting: PeerFlows[T], place: int) -> Flow[T] | None:
        """Return the flow whose turn it is, admitted at its peer; None when the peer takes no more of any now.

        What is left in the list then is looked at again when a turn of the peer ends, or it is back.
        """
        limit = waiting.peer.rate
        if limit is not None and waiting.ready and not limit.is_free:
            limit.when_free(waiting.peer.name, partial(self._look_again, waiting))
            return None
        left = len(waiting.ready)
        while left:
            flow = waiting.ready.popleft()
            left -= 1
            if not flow:
                flow.listed = False
                self._forget(flow)
            elif not self.places.may_take(flow.account, place):
                self._blocked.setdefault((flow.account, place), deque()).append(flow)  # and stays listed
            elif flow.rate is not None and not flow.rate.is_free:
                flow.rate.when_free((flow.peer.name, flow.name), partial(self._list_again, flow))  # and stays listed
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

    def _look_again(self, waiting: PeerFlows[T]) -> None:
        self._list_peer(waiting)
        self._serve()

    def _list_again(self, flow: Flow[T]) -> None:
        flow.listed = False
        if flow.peer.name in self._peers:
            self._list(flow)
            self._forget(flow)
            self._serve()

    # Turns.

    def _begin(self, flow: Flow[T], *, probe: bool, place: int) -> None:
        lane, item = flow.take()
        self.waiting -= 1
        turn = Turn(flow, lane, item, probe=probe, place=place, began_at=self._clock())
        self._turns.add(turn)
        self.places.take(flow.account, place)
        if flow.rate is not None:
            flow.rate.take()
        if flow.peer.rate is not None:
            flow.peer.rate.take()
        self._peers[flow.peer.name].held[flow.account] += 1
        self._list(flow)  # a probe is taken from where it is, and the flow stays in its list
        while self._idle:
            idle = self._idle.pop()
            if not idle.done():
                idle.set_result(turn)
                return
        worker = self._spawn(self._run_worker(turn))
        self._workers.add(worker)
        worker.add_done_callback(self._workers.discard)

    async def _run_worker(self, turn: Turn[T]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                await self._work(turn)
            except BaseException:
                self._closed = True  # an error ends all, and so does being cancelled
                raise
            finally:
                self.end(turn)
            idle: asyncio.Future[Turn[T]] = loop.create_future()
            self._idle.append(idle)
            turn = await idle

    def end(self, turn: Turn[T]) -> None:
        """Let the next one have the place; may be called again, and is when the work ends."""
        if not turn.held:
            return
        turn.held = False
        flow, peer = turn.flow, turn.peer
        if turn.probe:
            turn.probe = False
            peer.breaker.left(probe=True)
        peer.release()
        if turn.is_paid:
            for rate in (flow.rate, peer.rate):
                if rate is not None:
                    rate.give_back()
        waiting = self._peers[peer.name]
        waiting.held[flow.account] -= 1
        if not waiting.held[flow.account]:
            del waiting.held[flow.account]
        self._turns.discard(turn)
        self._leave(flow, turn.place)
        flow.done(turn.lane)
        self._list(flow)
        self._list_peer(waiting)
        self._forget(flow)
        self._serve()

    def _leave(self, flow: Flow[T], place: int) -> None:
        self.places.leave(flow.account, place)
        if (flow.account, place) in self._blocked:
            self._call_flow(flow.account, place)
        if place in (QUICK, SLOW) and self._full[place]:
            self._call_peer(place)

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

    def move_what_hangs(self) -> None:
        """Let what hangs give up its quick place; to be called a few times a second."""
        now = self._clock()
        for turn in [it for it in self._turns if it.place == QUICK and now - it.began_at >= SLOW_SECONDS]:
            turn.peer.hangs(now - turn.began_at)
            if self.places.may_take(turn.flow.account, HANGING):
                self.places.take(turn.flow.account, HANGING)
                turn.place = HANGING
                self._leave(turn.flow, QUICK)
        self._serve()

    def close(self) -> None:
        """Begin nothing more; what is at work goes on."""
        self._closed = True

    def cancel(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.cancel()
