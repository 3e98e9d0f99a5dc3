"""Turns: leave to post to a peer, from when the queue gives it until the work ends.

Beside what a peer itself takes (`Peer`) there are two bounds: how many POSTs are open at all, and how many of them one
account may hold (`Places`). So nobody's input holds what others need.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from pipeline.posting.fair_queue import FairQueue
from pipeline.posting.flows import Batch, Flow, Kind, Lane
from pipeline.posting.gathering import NO_GATHERING, Gathering, Part
from pipeline.posting.peers.peer import SLOW_SECONDS, News
from pipeline.posting.peers.together import Rate
from pipeline.posting.places import HANGING, PROBING, QUICK, Places

T = TypeVar("T")

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Makes a task of a worker. Whose group it is made in decides where an error of `work` goes."""


class Turn(Generic[T]):
    """An item at work, with leave to post to its peer until `end`; `others` are at work with it in one batch."""

    __slots__ = ("began_at", "flow", "held", "is_paid", "item", "lane", "others", "peer", "place", "probe")

    def __init__(self, flow: Flow[T], lane: Lane[T], item: T, *, probe: bool, place: int, began_at: float) -> None:
        self.flow = flow
        self.lane = lane
        self.held = True
        """It has its place, and leave to post."""
        self.item = item
        self.others: Sequence[T] = ()
        self.peer = flow.peer
        self.probe = probe
        """It is to find out whether the peer is back, and that is not known yet."""
        self.place = place
        self.began_at = began_at
        self.is_paid = True
        """What is posted next is within the limits already."""

    @property
    def stands(self) -> bool:
        """Whether another POST may be made: the breaker may have opened since."""
        return self.held and (self.probe or self.peer.breaker.closed)

    def pace(self, segments: int = 1) -> Awaitable[None] | None:
        """Return what to wait for before so many segments are posted at once; None when they may be now."""
        segments -= self.is_paid
        if not segments or (self.peer.rate is None and self.flow.rate is None):
            return None
        return self._pay(segments)

    async def _pay(self, segments: int) -> None:
        self.flow.owes += segments
        for _ in range(segments):
            for rate in (self.flow.rate, self.peer.rate):
                if rate is not None:
                    await rate.wait()
        self.is_paid = True

    def learn(self, news: News, seconds: float, error: str = "", pause_seconds: float | None = None) -> None:
        """Say how a POST went."""
        probe, self.probe, self.is_paid = self.probe, False, False
        self.peer.learn(news, seconds, probe=probe, error=error, pause_seconds=pause_seconds)


class Dispatcher(Generic[T]):
    """Calls `work` with turns. `quick` and `slow` are how many may be at work, as many as `quick` may hang beside, and
    `probing` may find out who is back.

    With `shares_peers` several accounts post to one peer, and the same goes for the places there. `clock` gives seconds
    that only go forward. `rate_of` returns the limit of a flow of this name, if it has one. `gathering` is how much is
    worked together of what is.
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
        rate_of: Callable[[str], Rate | None] = lambda _: None,
        gathering: Gathering = NO_GATHERING,
    ) -> None:
        self._work = work
        self._spawn = spawn
        self._clock = clock
        self._gathering = gathering
        self.places = Places(quick, slow, probing)
        self.queue: FairQueue[T] = FairQueue(self._begin, self.places, shares_peers=shares_peers, rate_of=rate_of)
        self._idle: list[asyncio.Future[Turn[T]]] = []
        self._workers: set[asyncio.Task[None]] = set()
        self._turns: set[Turn[T]] = set()
        self.waiting = 0
        """How many items nobody has begun."""

    def put(self, flow: Flow[T], lane: int, kind: Kind, item: T, part: Part | None = None) -> None:
        """Queue an item; one with a `part` is worked together with others, in no order."""
        if part is None:
            flow.put(lane, kind, item)
        else:
            self._gather(flow, kind, item, part)
        self.waiting += 1
        if not flow.listed:  # else it is in line already, and what keeps it there still does
            self.queue.line_up(flow)
            self.queue.serve()

    def _gather(self, flow: Flow[T], kind: Kind, item: T, part: Part) -> None:
        batch = flow.gather(part, kind, item, self._gathering)
        if batch.timer is None and not batch.ripe:
            loop = asyncio.get_running_loop()
            batch.timer = loop.call_later(self._gathering.seconds, self._ripen, flow, batch)

    def _ripen(self, flow: Flow[T], batch: Batch[T]) -> None:
        flow.ripen(batch)
        self.queue.line_up(flow)
        self.queue.serve()

    def take_back(self, flow: Flow[T]) -> list[T]:
        """Take out of a flow all that nobody has begun."""
        taken = flow.drain()
        self.waiting -= len(taken)
        self.queue.emptied(flow)
        return taken

    def probe(self, flow: Flow[T]) -> bool:
        """Let one item find out whether the peer is back; False when none is ready, or it may not."""
        has_any = bool(flow) or flow.gathering > 0
        may_be = has_any and not self.queue.closed and flow.is_free and self.places.may_take(flow.account, PROBING)
        if not may_be or not flow.peer.admit_probe():
            return False
        if not flow:
            flow.ripen_oldest()
        self._begin(flow, PROBING, probe=True)
        self.queue.begun(flow, PROBING)
        return True

    def _begin(self, flow: Flow[T], place: int, *, probe: bool = False) -> None:
        lane, item = flow.take()
        self.waiting -= 1
        turn = Turn(flow, lane, item, probe=probe, place=place, began_at=self._clock())
        if isinstance(lane, Batch):
            turn.others = flow.take_others(lane)
            self.waiting -= len(turn.others)
        self._turns.add(turn)
        if flow.rate is not None:
            flow.rate.take()
        if flow.peer.rate is not None:
            flow.peer.rate.take()
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
                self.close()  # an error ends all, and so does being cancelled
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
        self._turns.discard(turn)
        self.queue.ended(flow, turn.lane, turn.place)

    def move_what_hangs(self) -> None:
        """Let what hangs give up its quick place; to be called a few times a second."""
        now = self._clock()
        for turn in [it for it in self._turns if it.place == QUICK and now - it.began_at >= SLOW_SECONDS]:
            turn.peer.hangs(now - turn.began_at)
            if self.queue.change_place(turn.flow, QUICK, HANGING):
                turn.place = HANGING
        self.queue.serve()

    def close(self) -> None:
        """Begin nothing more; what is at work goes on."""
        self.queue.closed = True

    def cancel(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.cancel()
