"""What gathers: full or after its time, alike, in its order, and nothing of it is lost or twice in a batch."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pipeline.posting.backlog import Backlog
from pipeline.posting.dispatcher import Dispatcher, Turn
from pipeline.posting.flows import Kind
from pipeline.posting.gathering import Gathering, Part
from pipeline.posting.intake import Entry, Intake
from pipeline.posting.peers.breaker import TRIP_AFTER
from pipeline.posting.peers.known_peers import Peers
from pipeline.posting.peers.peer import News, Peer
from pipeline.posting.row import FlowKey, Row
from schemas.record import InRecord
from tests.fakes.virtual_time import VirtualLoop

SECONDS = 1.0
PEER = "endpoint"


class Site:
    """An intake over an endpoint that answers when the test says so. An item is `<batch>:<size>:<number>`."""

    def __init__(self, *, items: int = 4, size: int = 100, most: int = 8, room: int = 40) -> None:
        self.loop = VirtualLoop()
        self.open: list[tuple[Turn[Entry[str]], asyncio.Future[News | None]]] = []
        self.batches: list[list[str]] = []
        """Of each POST, in the order in which they began."""
        self.began_at: list[float] = []
        self.done: list[str] = []
        self.bounds = Gathering(items, size, SECONDS)
        self.backlog = Backlog()
        self.tasks: set[asyncio.Task[None]] = set()
        self.dispatcher: Dispatcher[Entry[str]] = Dispatcher(
            self._work, self._spawn, self.loop.time, quick=64, slow=64, probing=8, gathering=self.bounds
        )
        self.peers = Peers(lambda name: Peer(name, self.loop.time, most=most), lambda _: True, self.loop.time)
        self.intake: Intake[str] = Intake(
            self.dispatcher, self.backlog, self.peers,
            restore=self._restore, expire=self._expire, reach=self._reach, room=room,
        )  # fmt: skip
        self.numbers = 0

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self.loop.create_task(work)
        self.tasks.add(task)
        return task

    async def _work(self, turn: Turn[Entry[str]]) -> None:
        ending: asyncio.Future[News | None] = self.loop.create_future()
        self.open.append((turn, ending))
        self.batches.append([turn.item.payload, *(it.payload for it in turn.others)])
        self.began_at.append(self.loop.time())
        news = await ending
        if news is not None:
            turn.learn(news, 0.01, news.name)
        self.done += [turn.item.payload, *(it.payload for it in turn.others)]

    def entry(self, payload: str) -> Entry[str]:
        batch, size, number = payload.split(":")
        part = None if batch == "plain" else Part(None if batch == "alone" else batch, b"x" * int(size))
        record = InRecord("topic", 0, int(number), 0, None, payload.encode(), ())
        return Entry(FlowKey(PEER, "trunk", "account"), 0, Kind.FRESH, record, payload, part=part)

    def _restore(self, row: Row) -> Entry[str]:
        return self.entry((row.record.value or b"").decode())

    async def _expire(self, _: Entry[str]) -> None:
        raise AssertionError("nothing has an end here")

    async def _reach(self, _: Peer) -> bool:
        return True

    # What may happen.

    def run(self, work: Coroutine[Any, Any, None] | None = None) -> None:
        async def settle() -> None:
            if work is not None:
                await work
            for _ in range(6):
                await asyncio.sleep(0)

        self.loop.run_until_complete(settle())

    def arrive(self, batch: str, count: int = 1, size: int = 1) -> list[str]:
        payloads = [f"{batch}:{size}:{self.numbers + n}" for n in range(count)]
        self.numbers += count
        self.run(self.intake.take([self.entry(it) for it in payloads]))
        return payloads

    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    def tick(self) -> None:
        async def tick() -> None:
            await self.intake.tick()
            self.intake._release()

        self.run(tick())

    def end(self, count: int = 1, news: News | None = News.ANSWERED) -> None:
        ending, self.open = self.open[:count], self.open[count:]
        for _, it in ending:
            it.set_result(news)
        self.run()

    @property
    def peer(self) -> Peer:
        return self.peers.of(PEER)

    def close(self) -> None:
        self.dispatcher.close()
        self.end(len(self.open), None)
        self.dispatcher.cancel()
        self.run()
        self.backlog.close()
        self.loop.close()


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Any:
    made = Site(**getattr(request, "param", {}))
    yield made
    made.close()


@pytest.mark.parametrize("site", [{"items": 100, "size": 10_000, "room": 400}], indirect=True)
def test_a_full_batch_goes_at_once_and_in_its_order(site: Site) -> None:
    """A hundred are posted without waiting; what is over waits for more."""
    payloads = site.arrive("a", 130)
    assert site.batches == [payloads[:100]]
    assert site.began_at == [0.0]
    site.wait(SECONDS - 0.01)
    assert len(site.batches) == 1
    site.wait(0.02)
    assert site.batches[1:] == [payloads[100:]]


def test_one_that_stays_alone_goes_after_a_second(site: Site) -> None:
    """From the first of them on, whenever others have come."""
    [first] = site.arrive("a")
    site.wait(0.6)
    [second] = site.arrive("a")
    site.wait(0.3)
    assert site.batches == []
    site.wait(0.2)
    assert (site.batches, site.began_at) == ([[first, second]], [SECONDS])


def test_only_what_is_alike_is_together(site: Site) -> None:
    """Each has a second of its own; what must be alone waits for nobody; and one by one goes on beside."""
    [a] = site.arrive("a")
    site.wait(0.5)
    b = site.arrive("b", 2)
    [plain], [alone], [alone_too] = site.arrive("plain"), site.arrive("alone"), site.arrive("alone")
    assert site.batches == [[plain], [alone], [alone_too]]
    site.wait(0.6)
    assert site.batches[3:] == [[a]]
    site.wait(0.5)
    assert site.batches[4:] == [b]


def test_a_batch_is_bounded_in_bytes(site: Site) -> None:
    """What does not fit begins the next one; what fits in none goes alone."""
    first, second = site.arrive("a", 1, 60), site.arrive("a", 1, 60)
    assert site.batches == [first]
    third = site.arrive("a", 1, 40)
    assert site.batches == [first, second + third]
    assert site.arrive("a", 1, 500) == site.batches[2]


@pytest.mark.parametrize("site", [{"most": 1}], indirect=True)
def test_while_the_endpoint_has_enough_a_batch_that_is_ripe_gets_more(site: Site) -> None:
    """It grows until it is full or its turn comes, and only then another begins."""
    [plain] = site.arrive("plain")
    early = site.arrive("a", 2)
    site.wait(5)
    late = site.arrive("a", 3)
    site.wait(5)
    assert site.batches == [[plain]]
    site.end()
    site.end()
    assert site.batches == [[plain], early + late[:2], late[2:]]
    assert site.dispatcher.waiting == 0


def test_what_gathers_for_an_endpoint_that_goes_away_waits_on_disk(site: Site) -> None:
    """The timer of what is not here any more says nothing; one probe, then all of it in order."""
    site.arrive("plain", TRIP_AFTER)
    gathered = site.arrive("a", 3)
    site.end(TRIP_AFTER, News.SILENT)
    site.tick()
    assert (site.peer.away, site.dispatcher.waiting, len(site.backlog)) == (True, 0, 3)
    site.wait(2)
    site.tick()
    assert site.batches[TRIP_AFTER:] == [gathered[:1]]
    site.end()
    site.tick()
    site.wait(SECONDS + 0.1)
    assert site.batches[TRIP_AFTER:] == [gathered[:1], gathered[1:]]


@pytest.mark.parametrize("site", [{"items": 100, "size": 10_000, "room": 400}], indirect=True)
def test_what_gathers_keeps_nothing_on_disk(site: Site) -> None:
    """However many wait for more in memory, what would fill their batch is loaded at once."""
    site.arrive("plain", TRIP_AFTER)
    site.end(TRIP_AFTER, News.UNREACHABLE)
    site.tick()
    payloads = site.arrive("a", 1000)
    assert len(site.backlog) == 1000
    site.peer.begin_anew()
    began = site.loop.time()
    for _ in range(20):
        site.tick()
        site.end(len(site.open))
    site.wait(SECONDS - 0.01)
    assert [it for batch in site.batches[TRIP_AFTER:] for it in batch] == payloads
    assert [len(it) for it in site.batches[TRIP_AFTER:]] == [100] * 10
    assert set(site.began_at[TRIP_AFTER:]) == {began}


class GatheringMachine(RuleBasedStateMachine):
    """Anything in any order: arrivals, time, answers of every kind, and an endpoint that goes away and comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.site = Site(most=2)
        self.arrived: list[str] = []

    @rule(batch=st.sampled_from(["a", "b", "plain", "alone"]), count=st.integers(1, 7), size=st.integers(1, 120))
    def arrive(self, batch: str, count: int, size: int) -> None:
        self.arrived += self.site.arrive(batch, count, size)

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 3.0]))
    def time_passes(self, seconds: float) -> None:
        self.site.wait(seconds)
        peer = self.site.peer
        if seconds >= SECONDS and not peer.away and peer.in_flight < peer.limit:
            assert self.site.dispatcher.waiting == 0, "something has waited for longer than its time"

    @rule(count=st.integers(1, 3), news=st.sampled_from([News.ANSWERED, News.SILENT, News.THROTTLED, None]))
    def answer(self, count: int, news: News | None) -> None:
        self.site.end(count, news)

    @rule()
    def goes_away(self) -> None:
        self.site.peer.breaker.pause(2.0)

    @rule()
    def tick(self) -> None:
        self.site.tick()

    @invariant()
    def batches_are_what_they_should_be(self) -> None:
        """Alike, bounded, in the order in which they came to be there; and each item in one batch once."""
        site = self.site
        for batch in site.batches:
            names = {it.split(":")[0] for it in batch}
            assert len(names) == 1, batch
            assert len(batch) == 1 or names <= {"a", "b"}, batch
            assert len(batch) <= site.bounds.items
            assert len(batch) == 1 or sum(int(it.split(":")[1]) for it in batch) <= site.bounds.size
            assert len(set(batch)) == len(batch), batch
        begun = Counter(it for batch in site.batches for it in batch)
        assert not begun or max(begun.values()) == 1
        waiting = site.dispatcher.waiting + len(site.backlog)
        assert waiting == len(self.arrived) - begun.total()
        for flow in site.dispatcher.queue:
            assert 0 <= flow.gathering <= flow.waiting

    def teardown(self) -> None:
        site = self.site
        try:
            for _ in range(4 * len(self.arrived) + 20):
                if len(site.done) == len(self.arrived):
                    break
                site.end(len(site.open))
                site.tick()
                site.wait(0.5)
            assert sorted(site.done) == sorted(self.arrived)
            assert site.peer.in_flight == 0
            assert not site.dispatcher.queue.waits_for(site.peer)
            assert len(site.dispatcher.places) == 0
        finally:
            site.close()


GatheringMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=40)
TestGathering = GatheringMachine.TestCase
