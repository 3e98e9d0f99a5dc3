"""Work in parallel, in order per key: items with one key are worked one after the other, in the order they came.

Workers are made as they are needed and stay: a task per item would cost more than most steps do. What waits is
unbounded here; whoever puts items in bounds it (`waiting`, `take_back`).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Makes a task of a worker. Whose group it is made in decides where an error of `work` goes."""


class Lanes(Generic[T]):
    """Workers that call `work` for items, at most `most` at once."""

    def __init__(self, most: int, work: Callable[[T], Awaitable[None]], spawn: Spawn) -> None:
        self._most = most
        self._working = 0
        self._work = work
        self._spawn = spawn
        self._ready: deque[tuple[bytes, T]] = deque()
        # Every key of which an item is ready or in work, with what has to wait behind that one.
        self._behind: dict[bytes, deque[T] | None] = {}
        self._idle: list[asyncio.Future[None]] = []
        self._workers: list[asyncio.Task[None]] = []
        self.waiting = 0
        """How many items no worker has begun."""

    @property
    def at_rest(self) -> bool:
        """Whether nothing waits and nothing is in work."""
        return not self._behind

    def allow(self, most: int) -> None:
        """Change how many work at once; what is in work goes on."""
        self._most = most
        for _ in range(min(len(self._ready), most - self._working)):
            self._call_worker()

    def put(self, key: bytes, item: T) -> None:
        """Queue `item` behind every earlier item with the same key."""
        self.waiting += 1
        if key in self._behind:
            behind = self._behind[key]
            if behind is None:
                self._behind[key] = deque((item,))
            else:
                behind.append(item)
            return
        self._behind[key] = None
        self._ready.append((key, item))
        if self._working < self._most:
            self._call_worker()

    def _call_worker(self) -> None:
        if self._idle:
            self._idle.pop().set_result(None)
        elif len(self._workers) < self._most:
            self._workers.append(self._spawn(self._run_worker()))

    async def _run_worker(self) -> None:
        while True:
            while not self._ready or self._working >= self._most:
                turn = asyncio.get_running_loop().create_future()
                self._idle.append(turn)
                await turn
            key, item = self._ready.popleft()
            self.waiting -= 1
            self._working += 1
            await self._work(item)
            self._working -= 1
            behind = self._behind[key]
            if behind:
                # At the end: a key with much behind it keeps no other one waiting.
                self._ready.append((key, behind.popleft()))
            else:
                del self._behind[key]

    def take_back(self, count: int) -> list[T]:
        """Take back up to `count` items that no worker has begun, preferably those that came last."""
        taken: list[T] = []
        for behind in self._behind.values():
            while behind and len(taken) < count:
                taken.append(behind.pop())
        while self._ready and len(taken) < count:
            key, item = self._ready.pop()
            taken.append(item)
            del self._behind[key]
        taken.reverse()
        self.waiting -= len(taken)
        return taken

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.cancel()
