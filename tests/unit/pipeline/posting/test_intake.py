"""What has to wait: nothing is lost, no lane loses its order, and who floods waits for itself."""

import asyncio
from collections import Counter, defaultdict
from time import time
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pipeline.posting.peers.breaker import LONGEST_PAUSE_SECONDS, TRIP_AFTER
from pipeline.posting.peers.peer import News
from tests.unit.pipeline.posting.taking_in import Site, trip


async def test_a_flooded_number_delays_nobody_else() -> None:
    """Five thousand to one number, and then one of the same trunk to another: it is posted at once."""
    site = Site(room=200)
    await site.take(*[site.entry(f"x{n}", lane=7) for n in range(5000)])
    await site.take(site.entry("y", lane=8))
    begun = [turn.item.payload for turn, _ in site.open]
    if "y" not in begun:
        await site.tick()
        begun = [turn.item.payload for turn, _ in site.open]
    assert begun == ["x0", "y"]
    await site.finish()
    assert [it for it in site.done if it[0] == "x"] == [f"x{n}" for n in range(5000)]
    await site.close()


async def test_a_flooding_trunk_delays_another_by_its_share() -> None:
    """Five thousand to as many numbers: another trunk's message has one of the next turns."""
    site = Site()
    await site.take(*[site.entry(f"a{n}", flow="a", lane=n + 1) for n in range(5000)])
    await site.take(site.entry("b", flow="b", lane=9000))
    await site.end(2)
    assert "b" in [turn.item.payload for turn, _ in site.open]
    assert site.dispatcher.waiting <= 60
    await site.finish()
    assert len(site.done) == 5001
    await site.close()


async def test_ten_flooding_trunks_leave_room_for_one_that_comes() -> None:
    """However full memory is, what has just come need not wait on disk."""
    site = Site()
    for number in range(10):
        await site.take(*[site.entry("a", flow=f"a{number}", lane=n + 1) for n in range(500)])
    assert site.dispatcher.waiting <= 2 * 60
    before = len(site.backlog)
    await site.take(site.entry("b", flow="b", lane=9000))
    assert len(site.backlog) == before
    await site.close()


async def test_what_waits_for_a_peer_that_is_away_waits_on_disk_and_not_for_a_clock() -> None:
    """Nothing of it is tried but probes; when it is back all of it goes, in the order in which it came."""
    site = Site(room=10_000)
    await site.take(*[site.entry(f"early{n}", lane=1) for n in range(10)])
    for _ in range(TRIP_AFTER):
        await site.take(site.entry("fails", lane=0))
    await site.end(1, News.SILENT)
    await site.end(TRIP_AFTER, News.SILENT)
    assert site.peers.of("carrier").away
    await site.tick()
    assert site.dispatcher.waiting == 0
    await site.take(*[site.entry(f"late{n}", lane=1) for n in range(200)])
    await site.end(len(site.open), News.SILENT)
    site.done.clear()
    await site.finish()
    assert [it for it in site.done if it.startswith("early")] == sorted(it for it in site.done if "early" in it)
    assert [it for it in site.done if it.startswith("late")] == [f"late{n}" for n in range(200)]
    assert site.done.index("late0") > site.done.index("early9")
    await site.close()


async def test_what_has_waited_too_long_ends() -> None:
    """A peer that stays away keeps nobody waiting for an answer for ever."""
    site = Site()
    await trip(site)
    now = int(time() * 1000)
    await site.take(site.entry("over", expires_ms=now - 1), site.entry("waits", expires_ms=now + 60_000))
    await site.tick()
    assert site.ended == ["over"]
    assert len(site.backlog) + len(site.open) == 1
    await site.close()


async def test_a_young_message_does_not_wait_for_the_whole_backlog() -> None:
    """What comes after an outage has a share of the turns, unless what was before it is to the same number."""
    site = Site(most=1, room=2000)
    await trip(site)
    await site.take(*[site.entry(f"old{n}", lane=n + 1) for n in range(1000)])
    while site.peers.of("carrier").away:
        site.clock.now += LONGEST_PAUSE_SECONDS
        await site.tick()
        await site.end(len(site.open))
    await site.tick()
    await site.take(site.entry("young", lane=5000), site.entry("same number", lane=900))
    for _ in range(8):
        await site.end(1)
        await site.tick()
    assert "young" in site.done
    assert "same number" not in site.done
    await site.finish()
    assert site.done.index("same number") > site.done.index("old899")
    await site.close()


async def test_what_is_loaded_from_disk_has_room_in_memory() -> None:
    """Also of one flow in no order, which has more on disk than there is room for."""
    site = Site(most=3, room=12)
    await site.take(*[site.entry(f"a{n}", lane=0) for n in range(35)])
    while site.open:
        await site.end(1)
        await site.tick()
        assert site.dispatcher.waiting <= 12 + 1
    assert len(site.done) == 35
    await site.close()


class IntakeMachine(RuleBasedStateMachine):
    """Two carriers that go and come, three trunks, a few numbers: everything is done once, each number in order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.site = self.loop.run_until_complete(self._new_site())
        self.put: dict[tuple[str, str, int], list[str]] = defaultdict(list)

    async def _new_site(self) -> Site:
        return Site(most=3, room=12)

    def do(self, work: Any) -> None:
        self.loop.run_until_complete(work)

    @rule(
        items=st.lists(
            st.tuples(st.sampled_from(["p", "q"]), st.sampled_from(["a", "b", "c"]), st.integers(0, 2)),
            min_size=1, max_size=30,
        )
    )  # fmt: skip
    def take(self, items: list[tuple[str, str, int]]) -> None:
        entries = []
        for peer, flow, lane in items:
            payload = f"{peer}/{flow}/{lane}/{self.site.offset}"
            self.put[peer, flow, lane].append(payload)
            entries.append(self.site.entry(payload, peer=peer, flow=flow, lane=lane))
        self.do(self.site.take(*entries))

    @rule(count=st.integers(1, 6), news=st.sampled_from([News.ANSWERED, News.ANSWERED, News.SILENT, News.UNREACHABLE]))
    def end(self, count: int, news: News) -> None:
        self.do(self.site.end(count, news))

    @rule(seconds=st.sampled_from([0.25, 1.0, 3.0]), reachable=st.booleans())
    def time_passes(self, seconds: float, reachable: bool) -> None:
        self.site.reachable = reachable
        self.site.clock.now += seconds
        self.do(self.site.tick())

    @invariant()
    def memory_is_bounded(self) -> None:
        assert self.site.dispatcher.waiting <= 2 * 12 + 6

    def teardown(self) -> None:
        self.do(self.site.finish())
        assert Counter(self.site.done) == Counter(it for items in self.put.values() for it in items)
        for (peer, flow, lane), items in self.put.items():
            if lane:
                done = [it for it in self.site.done if it.startswith(f"{peer}/{flow}/{lane}/")]
                assert done == items
        self.do(self.site.close())
        self.loop.close()


TestIntake = IntakeMachine.TestCase
TestIntake.settings = settings(max_examples=150, stateful_step_count=25)
