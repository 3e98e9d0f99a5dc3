"""Callers wait for the broker together: what arrives during one write shares the next.

Idle, a group holds what comes in one moment and nobody waits for company; under load it holds dozens and the cost of a
request to the broker is shared. Nothing waits for a timer or a size; only a writer that is known to be busy may pause
between groups (`pause_seconds`), since each request costs the broker far more than the entries in it. How busy it is,
the last group tells: one of a few entries comes from callers who go one step at a time, and a pause would only hold
these up.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

# After a group of many: callers under load wait this much longer, and the broker has a fraction of the work.
BUSY_PAUSE_SECONDS = 0.008
SWEEP_FROM = 1024  # entries waiting before it is worth looking for withdrawn ones

_Waiter = asyncio.Future[None] | Callable[[], None]
"""Who is told that an entry is written."""


class GroupCommit(Generic[T]):
    """Gathers entries and hands them to `write` in groups, one group at a time, in order.

    A group has at most `max_entries` entries whose `measure` sums to at most `max_total` (always at least one entry).
    After one of at least `busy_from` entries there is the whole pause, after one of `idle_to` or fewer none, in between
    a part of it.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], Awaitable[object]],
        *,
        max_entries: int = 1000,
        max_total: int | None = None,
        measure: Callable[[T], int] = lambda _: 0,
        pause_seconds: float = 0.0,
        idle_to: int = 1,
        busy_from: int = 2,
    ) -> None:
        self._write = write
        self._max_entries = max_entries
        self._max_total = max_total
        self._measure = measure
        self._pause_seconds = pause_seconds
        self._idle_to = idle_to
        self._busy_from = busy_from
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[tuple[T, _Waiter]] = deque()
        self._arrived = asyncio.Event()
        self._sweep_at = SWEEP_FROM

    def add(self, entry: T) -> asyncio.Future[None]:
        """Queue `entry`; the future is done when it is written.

        Cancelling the future before its group is taken withdraws the entry: it will not be written.
        """
        future: asyncio.Future[None] = (self._loop or asyncio.get_running_loop()).create_future()
        self._queue(entry, future)
        return future

    def hand_in(self, entry: T, then: Callable[[], None]) -> None:
        """Queue `entry`, and have `then` called when it is written: a third of the cost of a future and its waiter.

        It is not called when the write fails; whoever runs `run` learns of that.
        """
        self._queue(entry, then)

    def _queue(self, entry: T, waiter: _Waiter) -> None:
        self._waiting.append((entry, waiter))
        if len(self._waiting) == 1:
            self._arrived.set()
        if len(self._waiting) >= self._sweep_at:
            self._sweep()

    def _sweep(self) -> None:
        """Let go of withdrawn entries: while a write hangs, callers that give up are followed by others.

        Next time at twice what is left, so that the effort per entry stays constant.
        """
        self._waiting = deque(it for it in self._waiting if not _is_withdrawn(it[1]))
        self._sweep_at = max(SWEEP_FROM, 2 * len(self._waiting))

    async def run(self) -> None:
        """Write groups until cancelled. An error of `write` goes to that group's callers and ends this too."""
        self._loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            await asyncio.sleep(0)  # who has just been called by what arrived may have something for the same group
            self._arrived.clear()
            while self._waiting:
                entries, waiters = self._next_group()
                if not entries:
                    continue
                try:
                    await self._write(entries)
                except BaseException as error:
                    for waiter in waiters:
                        if isinstance(waiter, asyncio.Future) and not waiter.done():
                            if isinstance(error, Exception):
                                waiter.set_exception(error)
                            else:
                                waiter.cancel()
                    raise
                for waiter in waiters:
                    if not isinstance(waiter, asyncio.Future):
                        waiter()
                    elif not waiter.done():
                        waiter.set_result(None)
                if pause := self._pause_after(len(entries)):
                    await asyncio.sleep(pause)

    def _pause_after(self, entries: int) -> float:
        part = (entries - self._idle_to) / (self._busy_from - self._idle_to)
        return self._pause_seconds * min(max(part, 0.0), 1.0)

    def _next_group(self) -> tuple[list[T], list[_Waiter]]:
        entries: list[T] = []
        waiters: list[_Waiter] = []
        total = 0
        while self._waiting and len(entries) < self._max_entries:
            entry, waiter = self._waiting[0]
            if not _is_withdrawn(waiter):
                total += self._measure(entry)
                if entries and self._max_total is not None and total > self._max_total:
                    break
                entries.append(entry)
                waiters.append(waiter)
            self._waiting.popleft()
        return entries, waiters


def _is_withdrawn(waiter: _Waiter) -> bool:
    return isinstance(waiter, asyncio.Future) and waiter.cancelled()
