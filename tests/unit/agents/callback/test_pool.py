"""A fixed set of workers, of which one endpoint gets only a share."""

import asyncio
from collections import Counter

import pytest

from agents.callback.pool import Pool


class Bench:
    """A pool whose work on an endpoint waits until that endpoint is let go."""

    def __init__(self, workers: int, *hanging: str) -> None:
        self.gates = {endpoint: asyncio.Event() for endpoint in hanging}
        self.begun: Counter[str] = Counter()
        self.done: list[tuple[str, int]] = []
        self.pool: Pool[tuple[str, int]] = Pool(workers, self._work)

    async def _work(self, item: tuple[str, int]) -> None:
        self.begun[item[0]] += 1
        if item[0] in self.gates:
            await self.gates[item[0]].wait()
        self.done.append(item)

    def put(self, endpoint: str, count: int) -> None:
        for number in range(count):
            self.pool.put(endpoint, (endpoint, number))

    async def settle(self) -> None:
        for _ in range(200):
            await asyncio.sleep(0)


async def test_a_hanging_endpoint_leaves_workers_to_the_others() -> None:
    """Of eight workers it holds six, and what is queued behind it does not wait for it."""
    bench = Bench(8, "slow")
    bench.put("slow", 50)
    bench.put("quick", 20)
    running = asyncio.create_task(bench.pool.run())
    await bench.settle()
    assert bench.begun == {"slow": 6, "quick": 20}
    assert bench.done == [("quick", number) for number in range(20)]
    running.cancel()


async def test_what_waited_aside_is_done_when_the_endpoint_recovers() -> None:
    """Nothing is forgotten, whenever it came, and nothing is left behind in the books."""
    bench = Bench(4, "slow")
    bench.put("slow", 10)
    running = asyncio.create_task(bench.pool.run())
    await bench.settle()
    bench.put("slow", 5)
    await bench.settle()
    bench.gates["slow"].set()
    await bench.settle()
    assert bench.begun == {"slow": 15}
    assert len(bench.done) == 15
    assert (bench.pool._busy, bench.pool._aside) == ({}, {})
    bench.put("slow", 1)
    await bench.settle()
    assert len(bench.done) == 16
    running.cancel()


async def test_one_worker_serves_everybody() -> None:
    """The share is at least one worker."""
    bench = Bench(1)
    bench.put("a", 2)
    bench.put("b", 2)
    running = asyncio.create_task(bench.pool.run())
    await bench.settle()
    assert bench.done == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    running.cancel()


async def test_an_error_ends_the_pool() -> None:
    """It is not swallowed: the agent ends and starts over from its commits."""

    async def work(_: str) -> None:
        raise RuntimeError("the broker is gone")

    pool: Pool[str] = Pool(3, work)
    pool.put("a", "x")
    with pytest.raises(ExceptionGroup) as caught:
        await pool.run()
    assert caught.group_contains(RuntimeError, match="the broker is gone")
