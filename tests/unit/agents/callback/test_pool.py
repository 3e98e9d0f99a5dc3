"""Workers in two lanes, and a line for each endpoint, in a time that is moved by hand."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from agents.callback.pool import LOOK_SECONDS, Pool
from pipeline.callbacks.endpoint_health import PATIENCE_SECONDS, QUEUE_SECONDS, EndpointHealth, Endpoints
from pipeline.posting.breaker import TRIP_AFTER

PassTime = Callable[["Bench", float], Awaitable[None]]


class Bench:
    """A pool whose work on an endpoint waits until that endpoint is let go."""

    def __init__(self, quick: int, slow: int, *hanging: str, later: bool = False) -> None:
        self.now = 1000.0
        self.gates = {endpoint: asyncio.Event() for endpoint in hanging}
        self.begun: Counter[str] = Counter()
        self.done: list[tuple[str, int]] = []
        self.deferred: list[tuple[str, int]] = []
        self.endpoints = Endpoints(lambda: self.now)
        self.pool: Pool[tuple[str, int]] = Pool(quick, slow, self._work, self._defer, later=later)

    async def _work(self, health: EndpointHealth, item: tuple[str, int]) -> None:
        if not health.admit():
            self._defer(health, item)
            return
        self.begun[item[0]] += 1
        if item[0] in self.gates:
            await self.gates[item[0]].wait()
        self.done.append(item)

    def _defer(self, health: EndpointHealth, item: tuple[str, int]) -> None:
        assert health.origin == item[0]
        self.deferred.append(item)

    def well(self, endpoint: str, answers: int = 100) -> EndpointHealth:
        health = self.endpoints.of(endpoint)
        for _ in range(answers):
            health.answered(0.01)
        self.now += 1.0
        return health

    def put(self, endpoint: str, count: int) -> None:
        for number in range(count):
            self.pool.put(self.endpoints.of(endpoint), (endpoint, number))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.pool.run())
        await settle()
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def settle() -> None:
    for _ in range(300):
        await asyncio.sleep(0)


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> PassTime:
    """Let the pool's watch see `seconds` go by: its sleeps end when it is said, and the loop's clock jumps."""
    real_sleep = asyncio.sleep
    steps: asyncio.Queue[None] = asyncio.Queue()
    passed = [0.0]

    async def sleep(seconds: float) -> None:
        if seconds == LOOK_SECONDS:
            await steps.get()
        else:
            await real_sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)

    async def go(bench: Bench, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        real_time = type(loop).time
        monkeypatch.setattr(loop, "time", lambda: real_time(loop) + passed[0])
        while seconds > 0:
            passed[0] += LOOK_SECONDS
            bench.now += LOOK_SECONDS
            seconds -= LOOK_SECONDS
            steps.put_nowait(None)
            for _ in range(50):
                await real_sleep(0)

    return go


async def test_a_hanging_endpoint_leaves_workers_to_the_others() -> None:
    """Of eight workers it holds six, and what is queued behind it does not wait for it."""
    bench = Bench(8, 4, "slow")
    bench.well("slow")
    bench.put("slow", 50)
    bench.put("quick", 20)
    async with bench.running():
        assert bench.begun == {"slow": 6, "quick": 20}
        assert bench.done == [("quick", number) for number in range(20)]


async def test_an_endpoint_that_has_not_answered_yet_gets_few_workers() -> None:
    """As many as eight at once; with each answer one more."""
    bench = Bench(64, 4, "new")
    bench.put("new", 60)
    async with bench.running():
        assert bench.begun == {"new": 8}
        bench.endpoints.of("new").answered(0.01)
        bench.put("new", 1)
        await settle()
        assert bench.begun == {"new": 9}


async def test_endpoints_take_turns() -> None:
    """Whoever has one notification does not wait behind another's thousand."""
    bench = Bench(1, 1)
    bench.well("many")
    bench.put("many", 1000)
    bench.put("one", 1)
    async with bench.running():
        assert bench.done.index(("one", 0)) == 1
        assert len(bench.done) == 1001


async def test_what_hangs_leaves_the_quick_lane(pass_time: PassTime) -> None:
    """After a second its worker is replaced, its endpoint is slow, and its neighbour has all workers again."""
    bench = Bench(2, 4, "hanging", "other")
    bench.well("hanging")
    bench.well("other")
    bench.put("hanging", 1)
    bench.put("other", 1)
    async with bench.running():
        bench.put("third", 5)
        await settle()
        assert bench.begun == {"hanging": 1, "other": 1}  # both workers are taken
        await pass_time(bench, 1.6)
        assert bench.endpoints.of("hanging").slow
        assert bench.begun == {"hanging": 1, "other": 1, "third": 5}
        assert bench.deferred == []
        for gate in bench.gates.values():
            gate.set()
        await settle()
        assert len(bench.done) == 7
        assert bench.pool._lines == {}
        bench.put("third", 3)
        await settle()
        assert len(bench.done) == 10


async def test_slow_endpoints_only_meet_slow_ones() -> None:
    """However many of them there are, quick ones find the quick lane free."""
    names = [f"slow {number}" for number in range(20)]
    bench = Bench(4, 4, *names)
    for name in names:
        bench.endpoints.of(name).hangs(3.0)
    async with bench.running():
        for name in names:
            bench.put(name, 1)
        bench.put("quick", 10)
        await settle()
        assert bench.begun["quick"] == 10
        assert sum(bench.begun[name] for name in names) == 4


async def test_an_endpoint_that_is_quick_again_comes_back() -> None:
    """What was queued for it in the slow lane goes on in the quick one."""
    bench = Bench(4, 1, "blocking", "recovering")
    for name in bench.gates:
        bench.endpoints.of(name).hangs(3.0)
    async with bench.running():
        bench.put("blocking", 1)
        bench.put("recovering", 1)
        await settle()
        assert bench.begun == {"blocking": 1}
        bench.well("recovering")
        bench.put("recovering", 1)
        await settle()
        bench.gates["blocking"].set()  # the slow lane's worker finds that the line has gone over
        await settle()
        assert bench.begun["recovering"] == 2


async def test_what_would_wait_too_long_is_deferred() -> None:
    """Of a slow endpoint's notifications so many are queued as its share of workers can do in the time for that."""
    bench = Bench(8, 8, "slow")
    bench.endpoints.of("slow").hangs(10.0)
    async with bench.running():
        bench.put("slow", 100)
        await settle()
        assert bench.begun == {"slow": 2}
        queued = int(2 * QUEUE_SECONDS / 10.0)
        assert len(bench.deferred) in {100 - queued, 100 - queued - 2}
        quick = bench.well("quick")
        assert quick.queue_limit(6) > 10_000


async def test_what_was_queued_before_an_endpoint_became_slow_is_deferred_too(
    pass_time: PassTime,
) -> None:
    """Its line shrinks to what it can do; nothing waits in memory for an endpoint that hangs."""
    bench = Bench(8, 8, "hanging")
    bench.put("hanging", 300)
    async with bench.running():
        assert bench.begun == {"hanging": 6}
        assert bench.deferred == []
        await pass_time(bench, 10.0)
        limit = bench.endpoints.of("hanging").queue_limit(2)
        assert len(bench.deferred) == 300 - 6 - limit
        assert limit <= 10


async def test_a_closed_door_takes_no_worker() -> None:
    """What comes for an endpoint whose breaker is open is moved on at once, what was queued before as well."""
    bench = Bench(2, 2, "down")
    async with bench.running():
        bench.put("down", 10)
        await settle()
        assert bench.begun == {"down": 1}
        for _ in range(TRIP_AFTER):
            bench.endpoints.of("down").failed(0.01)
        bench.put("down", 5)
        assert len(bench.deferred) == 5
        bench.gates["down"].set()
        await settle()
        assert bench.begun == {"down": 1}
        assert len(bench.deferred) == 14
        assert bench.pool._lines == {}


@pytest.mark.parametrize(("later", "waited", "tried"), [(True, 0.0, 1), (False, 0.0, 0), (False, PATIENCE_SECONDS, 1)])
async def test_who_may_be_the_probe(later: bool, waited: float, tried: int) -> None:
    """After the pause one retry is tried; a first attempt only when no retry has come for a while."""
    bench = Bench(4, 4, "down", later=later)
    health = bench.endpoints.of("down")
    for _ in range(TRIP_AFTER):
        health.failed(0.01)
    async with bench.running():
        bench.put("down", 3)
        assert len(bench.deferred) == 3
        bench.now += health.breaker.seconds_left + waited
        bench.put("down", 3)
        await settle()
        bench.put("down", 3)
        await settle()
        assert bench.begun["down"] == tried
        assert len(bench.deferred) == 9 - tried
        health.answered(0.01)
        bench.gates["down"].set()
        bench.put("down", 3)
        await settle()
        assert bench.begun["down"] == (tried + 3 if tried else 0)


async def test_what_waited_is_done_when_the_endpoint_recovers() -> None:
    """Nothing is forgotten, whenever it came, and nothing is left behind in the books."""
    bench = Bench(4, 4, "slow")
    async with bench.running():
        bench.put("slow", 10)
        await settle()
        bench.put("slow", 5)
        await settle()
        bench.gates["slow"].set()
        await settle()
        assert bench.begun == {"slow": 15}
        assert len(bench.done) == 15
        assert bench.pool._lines == {}
        bench.put("slow", 1)
        await settle()
        assert len(bench.done) == 16


async def test_an_error_ends_the_pool() -> None:
    """It is not swallowed: the agent ends and starts over from its commits."""

    async def work(_: EndpointHealth, __: str) -> None:
        raise RuntimeError("the broker is gone")

    pool: Pool[str] = Pool(3, 1, work, lambda *_: None)
    pool.put(EndpointHealth("a", lambda: 0.0), "x")
    with pytest.raises(ExceptionGroup) as caught:
        await pool.run()
    assert caught.group_contains(RuntimeError, match="the broker is gone")
