"""How many segments a second: never more in any window, over all processes, whatever they take over and give up."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.posting.dispatcher import Dispatcher, Turn
from pipeline.posting.flows import Kind
from pipeline.posting.peers.limit import Limit, Limits, usual_burst
from pipeline.posting.peers.peer import News, Peer
from tests.fakes.virtual_time import VirtualLoop


@contextmanager
def virtual() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    try:
        yield loop
    finally:
        loop.close()


async def post_all(limit: Limit, posted: list[float], until: float) -> None:
    """Be a process that always has something to post."""
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        await limit.wait()
        posted.append(loop.time())


def most_in_a_second(posted: list[float]) -> int:
    posted = sorted(posted)
    return max((sum(at <= it < at + 1.0 for it in posted) for at in posted), default=0)


@settings(max_examples=60)
@given(
    rate=st.integers(1, 120), burst=st.integers(1, 40),
    moves=st.lists(st.tuples(st.floats(0.05, 3.0), st.lists(st.integers(0, 12), min_size=3, max_size=3)), max_size=4),
)  # fmt: skip
def test_three_processes_never_post_more_than_the_rate_and_the_burst(
    rate: int, burst: int, moves: list[tuple[float, list[int]]]
) -> None:
    """In any window of one second, with partitions that come and go: the parts never add up to more than the whole."""
    posted: list[float] = []

    async def run(loop: VirtualLoop) -> None:
        limits = [Limits(loop.time) for _ in range(3)]
        held = [limit for it in limits if (limit := it.limit("carrier", rate, burst)) is not None]
        tasks: list[asyncio.Task[None]] = []
        for seconds, wanted in [(0.0, [6, 6, 0]), *moves, (2.0, [4, 4, 4])]:
            total = sum(wanted) or 1
            for it, count in zip(limits, wanted, strict=True):
                it.share_is(count / total)
            tasks = tasks or [loop.create_task(post_all(it, posted, 60.0)) for it in held]
            await asyncio.sleep(max(seconds, 0.05))
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    with virtual() as loop:
        loop.run_until_complete(run(loop))
    assert most_in_a_second(posted) <= max(rate + burst, 3)


@pytest.mark.parametrize("shares", [[1.0], [0.5, 0.5], [0.75, 0.25], [1 / 12] * 12])
def test_together_they_post_as_much_as_they_may(shares: list[float]) -> None:
    """The rate is used, but for what processes of less than one segment's burst are short of."""
    posted: list[float] = []

    async def run(loop: VirtualLoop) -> None:
        held = [Limit(loop.time, 60, 12, share) for share in shares]
        await asyncio.gather(*(post_all(it, posted, 20.0) for it in held))

    with virtual() as loop:
        loop.run_until_complete(run(loop))
    assert 60 * 20 * 0.98 <= len(posted) <= 60 * 20 + 12


def test_a_slow_carrier_is_used_as_fully_by_two_as_by_one() -> None:
    """One segment a second, as a phone number that is rented may send."""
    posted: list[float] = []

    async def run(loop: VirtualLoop) -> None:
        held = [Limit(loop.time, 1, 1, 0.5) for _ in range(2)]
        await asyncio.gather(*(post_all(it, posted, 60.0) for it in held))

    with virtual() as loop:
        loop.run_until_complete(run(loop))
    assert 58 <= len(posted) <= 62
    assert most_in_a_second(posted) <= 2


def test_it_begins_empty_and_so_it_does_with_more_partitions_than_before() -> None:
    """What the last owner has just posted counts, too; with as many or fewer what has been saved up stays."""

    async def run(loop: VirtualLoop) -> list[int]:
        limits, found = Limits(loop.time), []
        limit = limits.limit("carrier", 50, 10)
        assert limit is not None

        def free() -> int:
            count = 0
            while limit.is_free:
                limit.take()
                count += 1
            return count

        for share in (0.5, 0.5, 0.25, 1.0):
            limits.share_is(share)
            found.append(free())
            await asyncio.sleep(10.0)
        return [*found, free()]

    with virtual() as loop:
        assert loop.run_until_complete(run(loop)) == [0, 5, 2, 0, 10]


def test_without_partitions_nothing_is_posted_and_with_the_first_it_goes_on() -> None:
    """Nobody is forgotten who waited meanwhile."""
    posted: list[float] = []

    async def run(loop: VirtualLoop) -> None:
        limits = Limits(loop.time)
        limit = limits.limit("carrier", 10)
        assert limit is not None
        task = loop.create_task(post_all(limit, posted, 3.95))
        await asyncio.sleep(3.0)
        assert posted == []
        limits.share_is(1.0)
        await task

    with virtual() as loop:
        loop.run_until_complete(run(loop))
    assert [round(it, 3) for it in posted] == [round(3 + n / 10, 3) for n in range(1, 11)]


def test_what_has_begun_goes_before_what_has_not() -> None:
    """Whoever asks only whether it is free is called when nobody waits any more."""
    order: list[str] = []

    async def run(loop: VirtualLoop) -> None:
        limit = Limit(loop.time, 10, 1, 1.0)

        def begin() -> None:
            limit.take()
            order.append("begins")

        async def go_on(name: str) -> None:
            await limit.wait()
            order.append(name)

        limit.when_free("one", begin)
        limit.when_free("one", begin)  # the same asks again: it is called once
        tasks = [loop.create_task(go_on(name)) for name in ("first", "second")]
        await asyncio.gather(*tasks)
        await asyncio.sleep(1.0)

    with virtual() as loop:
        loop.run_until_complete(run(loop))
    assert order == ["first", "second", "begins"]


def test_who_is_cancelled_while_waiting_takes_nothing() -> None:
    """Neither the token of the next one, nor one that had just been handed out."""

    async def run(loop: VirtualLoop) -> list[float]:
        limit, posted = Limit(loop.time, 1, 1, 1.0), list[float]()
        waiting = [loop.create_task(limit.wait()) for _ in range(3)]
        await asyncio.sleep(0.5)
        waiting[1].cancel()
        await asyncio.sleep(0.5)
        waiting[0].cancel()  # it may have its token already
        await waiting[2]
        posted.append(loop.time())
        return posted

    with virtual() as loop:
        (at,) = loop.run_until_complete(run(loop))
    assert at <= 2.0


def test_a_limit_changes_while_somebody_waits() -> None:
    """Faster or slower from now on; whoever waits does not wait for the old time."""

    async def run(loop: VirtualLoop) -> float:
        limits = Limits(loop.time)
        limits.share_is(1.0)
        slow = limits.limit("trunk", 1)
        assert slow is not None
        waiting = loop.create_task(slow.wait())
        await asyncio.sleep(0.1)
        assert limits.limit("trunk", 100) is slow
        await waiting
        return loop.time()

    with virtual() as loop:
        assert loop.run_until_complete(run(loop)) < 0.2


def test_what_has_no_limit_any_more_has_none() -> None:
    """Lifted alone, or because the directory has it no longer."""
    limits = Limits(lambda: 0.0)
    limits.limit("one", 10)
    limits.limit("two", 10)
    limits.limit("three", 10)
    limits.limit("one", None)
    limits.keep({"two"})
    assert [limits.of(name) is None for name in ("one", "two", "three")] == [True, False, True]
    assert [usual_burst(it) for it in (1, 9, 50, 100)] == [1, 1, 5, 10]


# In the dispatcher: peers and flows with limits.

ANSWER_SECONDS = 0.02


class Site:
    """A dispatcher whose messages are (name of their flow, segments), each posted in virtual time."""

    def __init__(self, loop: VirtualLoop, *, limited: dict[str, Limit] | None = None) -> None:
        self.loop = loop
        self.posted: list[tuple[float, str, str]] = []
        self.done: list[tuple[float, str]] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.refused_from: float | None = None
        limited = limited or {}
        self.dispatcher: Dispatcher[tuple[str, int]] = Dispatcher(
            self._work, self._spawn, loop.time, quick=64, slow=64, probing=8, shares_peers=True, rate_of=limited.get
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = self.loop.create_task(work)
        self.tasks.add(task)
        return task

    async def _work(self, turn: Turn[tuple[str, int]]) -> None:
        name, segments = turn.item
        for _ in range(segments):
            if (pacing := turn.pace()) is not None:
                await pacing
            if not turn.stands:
                return
            self.posted.append((self.loop.time(), turn.peer.name, name))
            await asyncio.sleep(ANSWER_SECONDS)
            refused = self.refused_from is not None and self.loop.time() >= self.refused_from
            turn.learn(News.UNREACHABLE if refused else News.ANSWERED, ANSWER_SECONDS)
        self.done.append((self.loop.time(), name))

    def peer(self, name: str = "carrier", limit: Limit | None = None) -> Peer:
        made = Peer(name, self.loop.time, most=32)
        made.rate = limit
        return made

    def put(self, peer: Peer, name: str, count: int, segments: int = 1) -> None:
        for _ in range(count):
            flow = self.dispatcher.queue.flow(peer, name, f"account of {name}")
            self.dispatcher.put(flow, 0, Kind.FRESH, (name, segments))

    def last(self, name: str) -> float:
        return max(at for at, it in self.done if it == name)

    async def close(self) -> None:
        self.dispatcher.close()
        self.dispatcher.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def run(history: Callable[[VirtualLoop], Coroutine[Any, Any, Site]]) -> Site:
    async def whole(loop: VirtualLoop) -> Site:
        site = await history(loop)
        await site.close()
        return site

    with virtual() as loop:
        return loop.run_until_complete(whole(loop))


@pytest.mark.parametrize("segments", [1, 5])
def test_fifty_messages_do_not_wait_for_five_thousand(segments: int) -> None:
    """A carrier of 50 segments a second, a trunk with 5,000 messages (of 5 segments, too), and then one with 50.

    Half of the segments are the second one's until it has none left: 50 in two seconds, not behind 5,000.
    """

    async def history(loop: VirtualLoop) -> Site:
        site = Site(loop)
        carrier = site.peer(limit=Limit(loop.time, 50, 5, 1.0))
        site.put(carrier, "flood", 5000, segments)
        await asyncio.sleep(10.0)
        site.put(carrier, "few", 50)
        await asyncio.sleep(10.0)
        return site

    site = run(history)
    assert len([it for it in site.done if it[1] == "few"]) == 50
    assert 11.5 <= site.last("few") <= 12.8
    times = [at for at, _, _ in site.posted]
    assert most_in_a_second(times) <= 55
    assert len(times) >= 20 * 50 * 0.97
    meanwhile = [name for at, _, name in site.posted if 10.0 <= at < 11.5]
    assert 0.4 <= meanwhile.count("few") / len(meanwhile) <= 0.6


def test_a_trunk_has_its_own_limit_over_all_carriers_and_holds_nobody_up() -> None:
    """Ten a second to two carriers together; another trunk goes as fast as they take it."""

    async def history(loop: VirtualLoop) -> Site:
        site = Site(loop, limited={"slow": Limit(loop.time, 10, 1, 1.0)})
        one, two = site.peer("one"), site.peer("two")
        site.put(one, "slow", 100)
        site.put(two, "slow", 100, 3)
        site.put(one, "free", 500)
        await asyncio.sleep(5.05)
        return site

    site = run(history)
    slow = [at for at, _, name in site.posted if name == "slow"]
    assert most_in_a_second(slow) <= 11
    assert len(slow) >= 48
    assert {peer for _, peer, name in site.posted if name == "slow"} == {"one", "two"}
    assert site.last("free") < 1.0


def test_a_carrier_that_goes_away_while_segments_wait_for_their_turn_gets_none_of_them() -> None:
    """What has waited is asked again whether it may go, and what was not posted costs nothing."""

    async def history(loop: VirtualLoop) -> Site:
        site = Site(loop)
        carrier = site.peer(limit=Limit(loop.time, 10, 1, 1.0))
        site.refused_from = 2.0
        site.put(carrier, "trunk", 20, 10)
        await asyncio.sleep(20.0)
        return site

    site = run(history)
    assert 20 <= len(site.posted) <= 26  # two seconds' worth, and what it took to see it


@settings(max_examples=25)
@given(
    rate=st.integers(5, 200), burst=st.integers(1, 20), trunk_rate=st.integers(1, 100),
    messages=st.lists(
        st.tuples(st.sampled_from(["a", "b", "limited"]), st.integers(1, 40), st.integers(1, 6), st.floats(0, 2)),
        min_size=1, max_size=8,
    ),
)  # fmt: skip
def test_nobody_gets_more_and_everything_comes(
    rate: int, burst: int, trunk_rate: int, messages: list[tuple[str, int, int, float]]
) -> None:
    """Whatever comes when: the limits hold in every window, and nothing is left lying."""
    total = sum(count for _, count, _, _ in messages)

    async def history(loop: VirtualLoop) -> Site:
        site = Site(loop, limited={"limited": Limit(loop.time, trunk_rate, 2, 1.0)})
        carrier = site.peer(limit=Limit(loop.time, rate, burst, 1.0))
        for name, count, segments, pause in messages:
            site.put(carrier, name, count, segments)
            await asyncio.sleep(pause)
        for _ in range(3000):
            if len(site.done) == total:
                break
            await asyncio.sleep(1.0)
        return site

    site = run(history)
    assert len(site.done) == total
    assert most_in_a_second([at for at, _, _ in site.posted]) <= rate + burst
    limited = [at for at, _, name in site.posted if name == "limited"]
    assert not limited or most_in_a_second(limited) <= trunk_rate + 2


def test_what_has_no_limit_never_waits() -> None:
    """Not for a timer, nor one turn of the loop."""

    async def history(loop: VirtualLoop) -> Site:
        site = Site(loop)
        site.put(site.peer(), "trunk", 20, 2)
        await asyncio.sleep(10 * ANSWER_SECONDS)
        return site

    site = run(history)
    assert {round(at, 6) for at, _, _ in site.posted} == {0.0, ANSWER_SECONDS}
