"""Two lanes of workers, and for each endpoint a line before them.

An endpoint that hangs keeps every worker that posts to it for the whole time-out. Three things keep that from others:
an endpoint has only a share of the workers, however many of its notifications wait, and the others take turns with
it; one that is slow gets workers of the slow lane, where it only meets its like; and a POST of the quick lane that
hangs leaves that lane at once: another worker takes its place there.

What would wait for too long, or for an endpoint that takes nothing now, is deferred: moved on without an attempt.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from pipeline.callbacks.endpoint_health import SLOW_SECONDS, EndpointHealth

T = TypeVar("T")

LOOK_SECONDS: Final = 0.25  # how often what hangs is looked for


class _Line(Generic[T]):
    """What waits for one endpoint, and how many POSTs to it are open."""

    __slots__ = ("busy", "health", "listed", "waiting")

    def __init__(self, health: EndpointHealth) -> None:
        self.health = health
        self.waiting: deque[T] = deque()
        self.busy = 0
        self.listed = False


class _Lane(Generic[T]):
    """Workers, and the lines of which they may take one more. Each line is in here once, so endpoints take turns."""

    __slots__ = ("idle", "ready", "share", "workers")

    def __init__(self, workers: int, share: int) -> None:
        self.workers = workers
        self.share = share
        self.ready: deque[_Line[T]] = deque()
        self.idle: list[asyncio.Future[None]] = []


class _Worker(Generic[T]):
    """One worker of a lane, None when it has left it; `line` is that of the notification it has, since `since`."""

    __slots__ = ("lane", "line", "since")

    def __init__(self, lane: _Lane[T]) -> None:
        self.lane: _Lane[T] | None = lane
        self.line: _Line[T] | None = None
        self.since = 0.0


def most_open(quick: int, slow: int) -> int:
    """Return how many POSTs a pool with these workers can have open at once."""
    return 2 * quick + slow


class Pool(Generic[T]):
    """`quick` workers, and `slow` ones for endpoints that are slow, who call `work` with an endpoint and an item.

    One endpoint has at most three quarters of the quick ones, or a quarter of the slow ones. As many POSTs as there
    are quick workers may hang beside them. `later` says that items are no first attempts (see `EndpointHealth`).
    """

    def __init__(
        self,
        quick: int,
        slow: int,
        work: Callable[[EndpointHealth, T], Awaitable[None]],
        defer: Callable[[EndpointHealth, T], None],
        *,
        later: bool = False,
    ) -> None:
        self._work = work
        self._defer = defer
        self._later = later
        self._quick: _Lane[T] = _Lane(quick, max(1, quick * 3 // 4))
        self._slow: _Lane[T] = _Lane(slow, max(1, slow // 4))
        self._lines: dict[str, _Line[T]] = {}
        self._workers: set[_Worker[T]] = set()
        self._left = 0

    def put(self, health: EndpointHealth, item: T) -> None:
        """Queue `item` for an endpoint, or defer it."""
        line = self._lines.get(health.origin)
        if line is None:
            line = self._lines[health.origin] = _Line(health)
        else:
            health = line.health
        share = (self._slow if health.slow else self._quick).share
        if health.may_queue(len(line.waiting), share, later=self._later):
            line.waiting.append(item)
            self._list(line)
        else:
            self._forget_if_empty(line)
            self._defer(health, item)

    def _list(self, line: _Line[T]) -> None:
        """Let a worker take one more of `line`, where its share allows it."""
        if line.listed or not line.waiting:
            return
        health = line.health
        lane = self._slow if health.slow else self._quick
        if line.busy >= lane.share or line.busy >= health.allowed:
            return
        line.listed = True
        lane.ready.append(line)
        if lane.idle:
            idle = lane.idle.pop()
            if not idle.done():
                idle.set_result(None)

    def _forget_if_empty(self, line: _Line[T]) -> None:
        if not line.busy and not line.waiting and not line.listed:
            self._lines.pop(line.health.origin, None)

    async def run(self) -> None:
        """Work until cancelled. An error of `work` ends all workers and is raised."""
        async with asyncio.TaskGroup() as group:
            for lane in (self._quick, self._slow):
                for _ in range(lane.workers):
                    group.create_task(self._run_worker(lane))
            group.create_task(self._watch(group))

    async def _run_worker(self, lane: _Lane[T]) -> None:
        loop = asyncio.get_running_loop()
        worker = _Worker(lane)
        self._workers.add(worker)
        while worker.lane is lane:
            while not lane.ready:
                idle = loop.create_future()
                lane.idle.append(idle)
                await idle
            line = lane.ready.popleft()
            line.listed = False
            if not line.waiting:
                self._forget_if_empty(line)
                continue
            if line.health.slow is not (lane is self._slow):  # it has changed since it was listed
                self._list(line)
                continue
            item = line.waiting.popleft()
            line.busy += 1
            self._list(line)
            worker.line, worker.since = line, loop.time()
            await self._work(line.health, item)
            worker.line = None
            line.busy -= 1
            if line.waiting:
                self._list(line)
            elif not line.busy and not line.listed:
                self._lines.pop(line.health.origin, None)
        self._workers.discard(worker)
        self._left -= 1

    async def _watch(self, group: asyncio.TaskGroup) -> None:
        """Let what hangs leave the quick lane, and defer what would wait too long behind it."""
        loop = asyncio.get_running_loop()
        while True:
            asleep_at = loop.time()
            await asyncio.sleep(LOOK_SECONDS)
            if loop.time() - asleep_at > 2 * LOOK_SECONDS:
                continue  # it was us who hung: the answers may be here already
            self._move_what_hangs(loop.time(), group)
            for line in list(self._lines.values()):
                health = line.health
                if line.waiting and not (health.closed and not health.slow):
                    self._trim(line)

    def _move_what_hangs(self, now: float, group: asyncio.TaskGroup) -> None:
        for worker in list(self._workers):
            if worker.line is None or now - worker.since < SLOW_SECONDS:
                continue
            worker.line.health.hangs(now - worker.since)
            if worker.lane is self._quick and self._left < self._quick.workers:
                worker.lane = None
                self._left += 1
                group.create_task(self._run_worker(self._quick))

    def _trim(self, line: _Line[T]) -> None:
        limit = line.health.queue_limit(self._slow.share)
        while len(line.waiting) > limit:
            self._defer(line.health, line.waiting.pop())
