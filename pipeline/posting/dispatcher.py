"""Who is posted to next, and how many POSTs may be open: nobody's input holds what others need.

Peers take turns, and in each of them its flows. Beside what a peer itself takes (`Peer`) there are two bounds: how many
POSTs are open at all, and how many of them one account may hold (`Places`).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Generic, TypeVar

from pipeline.posting.flows import Flow, Kind, PeerFlows, Turn
from pipeline.posting.peer import SLOW_SECONDS, Peer
from pipeline.posting.places import HANGING, QUICK, SLOW, Places

T = TypeVar("T")

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Makes a task of a worker. Whose group it is made in decides where an error of `work` goes."""


class Dispatcher(Generic[T]):
    """Calls `work` with turns. `quick` and `slow` are how many may be at work, as many as `quick` may hang beside.

    With `shares_peers` several accounts post to one peer, and the same goes for the places there. `clock` gives seconds
    that only go forward.
    """

    def __init__(
        self,
        work: Callable[[Turn[T]], Awaitable[None]],
        spawn: Spawn,
        clock: Callable[[], float],
        *,
        quick: int,
        slow: int,
        shares_peers: bool = False,
    ) -> None:
        self._work = work
        self._spawn = spawn
        self._clock = clock
        self._shares_peers = shares_peers
        self._places = Places(quick, slow)
        self._peers: dict[str, PeerFlows[T]] = {}
        self._blocked: dict[str, deque[Flow[T]]] = {}  # by account: what must wait until it holds less
        self._ready: deque[PeerFlows[T]] = deque()
        self._full: tuple[list[PeerFlows[T]], ...] = ([], [])
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
            flow = waiting.flows[name] = Flow(name, account, peer)
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
        self._list(flow)
        self._serve()

    def take_back(self, flow: Flow[T]) -> list[T]:
        """Take out of a flow all that nobody has begun."""
        taken = flow.drain()
        self.waiting -= len(taken)
        self._forget(flow)
        return taken

    def probe(self, flow: Flow[T]) -> bool:
        """Let one item find out whether the peer is back; False when none is ready, or it may not."""
        if not flow or self._closed or not flow.peer.admit_probe():
            return False
        # Beside the places: a peer that is away must not have to wait for others to be asked.
        self._begin(flow, probe=True, place=HANGING)
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
        while self._ready and not self._closed:
            waiting = self._ready.popleft()
            waiting.listed = False
            place = SLOW if waiting.peer.slow else QUICK
            if self._places.are_full(place):
                waiting.listed = True
                self._full[place].append(waiting)
            elif (flow := self._next_flow(waiting, place)) is not None:
                self._begin(flow, probe=False, place=place)
                self._list_peer(waiting)
            if not waiting.flows and not waiting.listed:
                self._peers.pop(waiting.peer.name, None)

    def _next_flow(self, waiting: PeerFlows[T], place: int) -> Flow[T] | None:
        """Return the flow whose turn it is, admitted at its peer; None when the peer takes no more of any now.

        What is left in the list then is looked at again when a turn of the peer ends, or it is back.
        """
        for _ in range(len(waiting.ready)):
            flow = waiting.ready.popleft()
            if not flow:
                flow.listed = False
                self._forget(flow)
            elif not self._places.may_take(flow.account, place):
                self._blocked.setdefault(flow.account, deque()).append(flow)  # and stays listed
            elif self._shares_peers and waiting.has_its_share(flow.account):
                waiting.ready.append(flow)
            elif waiting.peer.admit():
                return flow
            else:
                waiting.ready.appendleft(flow)
                return None
        return None

    # Turns.

    def _begin(self, flow: Flow[T], *, probe: bool, place: int) -> None:
        lane, item = flow.take()
        self.waiting -= 1
        turn = Turn(flow, lane, item, probe=probe, place=place, began_at=self._clock())
        self._turns.add(turn)
        self._places.take(flow.account, place)
        self._peers[flow.peer.name].held[flow.account] += 1
        flow.listed = False
        self._list(flow)
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
        self._places.leave(flow.account, place)
        waiting = self._blocked.get(flow.account)
        if waiting:
            blocked = waiting.popleft()
            if not waiting:
                del self._blocked[flow.account]
            blocked.listed = False
            self._list(blocked)
            self._forget(blocked)
        if place != HANGING and self._full[place]:
            full = self._full[place].pop(0)
            full.listed = False
            self._list_peer(full)

    def _forget(self, flow: Flow[T]) -> None:
        if flow.waiting or flow.busy or flow.listed:
            return
        waiting = self._peers.get(flow.peer.name)
        if waiting is not None:
            waiting.flows.pop(flow.name, None)
            if not waiting.flows and not waiting.listed:
                del self._peers[flow.peer.name]

    def move_what_hangs(self) -> None:
        """Let what hangs give up its quick place; to be called a few times a second."""
        now = self._clock()
        for turn in [it for it in self._turns if it.place == QUICK and now - it.began_at >= SLOW_SECONDS]:
            turn.peer.hangs(now - turn.began_at)
            if self._places.may_take(turn.flow.account, HANGING):
                self._places.take(turn.flow.account, HANGING)
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
