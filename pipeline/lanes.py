"""A fixed set of workers, each with its own queue: items with one key keep their order.

A worker per lane instead of a task per item: creating and scheduling a task costs more than most steps do. The queues
are unbounded here; whoever fills them bounds what is outstanding (`TrackedConsumer`'s run-ahead).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar
from zlib import crc32

T = TypeVar("T")


class Lanes(Generic[T]):
    """`count` workers that call `work` for their items one after the other."""

    def __init__(self, count: int, work: Callable[[T], Awaitable[None]]) -> None:
        self._work = work
        self._queues: tuple[asyncio.Queue[T], ...] = tuple(asyncio.Queue() for _ in range(count))

    def put(self, key: bytes, item: T) -> None:
        """Queue `item` behind every earlier item with the same key."""
        self._queues[crc32(key) % len(self._queues)].put_nowait(item)

    async def run(self) -> None:
        """Work until cancelled. An error of `work` ends all lanes and is raised."""
        async with asyncio.TaskGroup() as group:
            for queue in self._queues:
                group.create_task(self._run_lane(queue))

    async def _run_lane(self, queue: asyncio.Queue[T]) -> None:
        while True:
            await self._work(await queue.get())
