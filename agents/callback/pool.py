"""A fixed set of workers, of which one endpoint gets only a share.

An endpoint that hangs keeps every worker that posts to it for the whole time-out. So not all may: what goes beyond an
endpoint's share waits aside while the other workers go on with everybody else. The consumer's run-ahead bounds what
waits. An endpoint that stays slow for longer than that lasts holds up its partitions; keeping such an endpoint out of
the first attempts altogether is the task of a breaker, whose place is `Pool.put`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Pool(Generic[T]):
    """`workers` workers that call `work`; at most three quarters of them (at least one) for one endpoint."""

    def __init__(self, workers: int, work: Callable[[T], Awaitable[None]]) -> None:
        self._work = work
        self._workers = workers
        self._share = max(1, workers * 3 // 4)
        self._queue: asyncio.Queue[tuple[str, T]] = asyncio.Queue()
        self._busy: dict[str, int] = {}
        self._aside: dict[str, deque[T]] = {}

    def put(self, endpoint: str, item: T) -> None:
        """Queue `item`, which concerns `endpoint`."""
        self._queue.put_nowait((endpoint, item))

    async def run(self) -> None:
        """Work until cancelled. An error of `work` ends all workers and is raised."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._run_worker())

    async def _run_worker(self) -> None:
        while True:
            endpoint, item = await self._queue.get()
            busy = self._busy.get(endpoint, 0)
            if busy >= self._share:
                self._aside.setdefault(endpoint, deque()).append(item)
                continue
            self._busy[endpoint] = busy + 1
            await self._work(item)
            # Whoever has a place of the endpoint's share keeps it as long as somebody waits for one: if all of them
            # went back to the queue, what waits aside could be left there.
            while aside := self._aside.get(endpoint):
                await self._work(aside.popleft())
            self._aside.pop(endpoint, None)
            busy = self._busy[endpoint] - 1
            if busy:
                self._busy[endpoint] = busy
            else:
                del self._busy[endpoint]
