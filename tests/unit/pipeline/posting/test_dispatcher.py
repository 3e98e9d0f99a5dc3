"""Who gets a place: peers and flows in turns, and a part for whoever comes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.posting.breaker import FIRST_PAUSE_SECONDS, TRIP_AFTER
from pipeline.posting.dispatcher import Dispatcher
from pipeline.posting.flows import Kind, Turn
from pipeline.posting.peer import SLOW_SECONDS, News, Peer
from pipeline.posting.places import HANGING
from tests.fakes.clock import Clock


class Site:
    """A dispatcher whose POSTs hang until the test ends them, in the order in which they began."""

    def __init__(self, group: asyncio.TaskGroup, quick: int, slow: int, *, shares_peers: bool) -> None:
        self.clock = Clock()
        self.peers: dict[str, Peer] = {}
        self.open: list[tuple[Turn[str], asyncio.Future[News | None]]] = []
        self.began: list[str] = []
        self.most = 64
        self.dispatcher: Dispatcher[str] = Dispatcher(
            self.work, group.create_task, self.clock, quick=quick, slow=slow, probing=8, shares_peers=shares_peers
        )

    async def work(self, turn: Turn[str]) -> None:
        self.began.append(turn.item)
        ending: asyncio.Future[News | None] = asyncio.get_running_loop().create_future()
        self.open.append((turn, ending))
        began = self.clock.now
        news = await ending
        if news is not None:
            turn.learn(news, self.clock.now - began, news.name)

    def peer(self, name: str) -> Peer:
        if name not in self.peers:
            self.peers[name] = Peer(name, self.clock, most=self.most)
        return self.peers[name]

    async def put(self, peer: str, *items: str, flow: str = "flow", account: str = "account", lane: int = 0) -> None:
        for item in items:
            self.dispatcher.put(self.dispatcher.flow(self.peer(peer), flow, account), lane, Kind.FRESH, item)
        await settle()

    async def end(self, count: int = 1, news: News | None = News.ANSWERED) -> None:
        ending, self.open = self.open[:count], self.open[count:]
        for _, it in ending:
            it.set_result(news)
        await settle()

    def held(self) -> Counter[str]:
        return Counter(turn.peer.name for turn, _ in self.open)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def a_site(quick: int = 16, slow: int = 16, *, shares_peers: bool = False) -> AsyncIterator[Site]:
    async with asyncio.TaskGroup() as group:
        site = Site(group, quick, slow, shares_peers=shares_peers)
        yield site
        site.dispatcher.close()
        await site.end(len(site.open), None)
        site.dispatcher.cancel()


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{n}" for n in range(count)]


async def test_flows_of_a_peer_take_turns() -> None:
    """One that has a thousand waiting delays the other by a turn."""
    async with a_site() as site:
        site.most = 1
        await site.put("p", *names("a", 1000), flow="a")
        await site.put("p", *names("b", 3), flow="b")
        for _ in range(7):
            await site.end()
        assert site.began == ["a0", "a1", "b0", "a2", "b1", "a3", "b2", "a4"]


async def test_peers_take_turns() -> None:
    """However much waits for one, the next place is for the other."""
    async with a_site(quick=4) as site:
        await site.put("a", *names("a", 100), account="1")
        await site.put("b", *names("b", 100), account="2")
        for _ in range(20):
            await site.end()
        assert {name: 6 <= count <= 18 for name, count in Counter(it[0] for it in site.began).items()} == {
            "a": True, "b": True,
        }  # fmt: skip


async def test_a_peer_gets_what_it_takes_at_once() -> None:
    """And more as soon as it takes more."""
    async with a_site() as site:
        site.most = 2
        await site.put("p", *names("i", 9))
        assert len(site.open) == 2
        site.peer("p").allow(5)
        site.dispatcher.resume(site.peer("p"))
        await settle()
        assert len(site.open) == 5
        site.peer("p").allow(1)
        await site.end(4)
        assert len(site.open) == 1


async def test_one_lane_is_worked_one_after_the_other() -> None:
    """Messages to one number stay in order, and others pass them."""
    async with a_site() as site:
        await site.put("p", "x0", "x1", "x2", lane=7)
        await site.put("p", "y0", lane=8)
        assert site.began == ["x0", "y0"]
        await site.end(1)
        await site.end(2)
        assert site.began == ["x0", "y0", "x1", "x2"]


@pytest.mark.parametrize("hogs", [1, 2, 3])
async def test_accounts_whose_peers_all_hang_leave_places_to_others(hogs: int) -> None:
    """Three hundred endpoints of each that never answer: whoever comes has a place at once."""
    async with a_site(quick=64, slow=64) as site:
        for hog in range(hogs):
            for number in range(300):
                await site.put(f"{hog}/{number}", *names("hangs", 8), account=f"hog{hog}")
        for _ in range(40):
            site.clock.now += SLOW_SECONDS / 2
            site.dispatcher.move_what_hangs()
            await settle()
        await site.put("well", "here", account="other")
        assert site.began[-1] == "here"


async def test_an_account_alone_has_three_quarters() -> None:
    """So much that it is hardly slower, and the rest is there when somebody comes."""
    async with a_site(quick=64) as site:
        await site.put("p", *names("a", 100), account="1")
        assert len(site.open) == 48
        await site.put("q", *names("b", 100), account="2")
        assert 5 <= site.held()["q"] <= 16


async def test_an_account_leaves_places_at_a_peer_that_it_shares() -> None:
    """A carrier whose answers hang for one account's messages still takes those of another."""
    async with a_site(quick=300, shares_peers=True) as site:
        site.most = 64
        await site.put("carrier", *names("a", 100), flow="a", account="1")
        assert len(site.open) == 60
        await site.put("carrier", *names("b", 100), flow="b", account="2")
        assert site.began[60:] == ["b0", "b1", "b2"]
        await site.put("carrier", "c", flow="c", account="3")
        assert site.began[-1] == "c"


async def test_what_hangs_leaves_its_quick_place() -> None:
    """As many as there are quick places may hang beside; those behind them wait no longer."""
    async with a_site(quick=4, slow=1) as site:
        for number in range(20):
            await site.put(f"p{number}", "i", account=str(number))
        assert len(site.open) == 4
        site.clock.now += SLOW_SECONDS
        site.dispatcher.move_what_hangs()
        await settle()
        assert [turn.place for turn, _ in site.open] == [HANGING] * 4 + [0] * 4
        site.clock.now += SLOW_SECONDS
        site.dispatcher.move_what_hangs()
        await settle()
        assert len(site.open) == 8


async def test_slow_peers_only_meet_slow_ones() -> None:
    """One that is slow on average waits for places of its own; the quick ones stay quick."""
    async with a_site(quick=4, slow=2) as site:
        for number in range(10):
            site.peer(f"slow{number}").slow = True
            await site.put(f"slow{number}", "slow", account=str(number))
        assert len(site.open) == 2
        await site.put("quick", "quick")
        assert site.began == ["slow", "slow", "quick"]
        await site.end(2)
        assert site.began == ["slow", "slow", "quick", "slow", "slow"]


async def test_who_is_away_takes_no_place_until_a_probe_has_found_it() -> None:
    """What waits for it in memory can be taken back; one of it is the probe."""
    async with a_site() as site:
        await site.put("p", *names("i", TRIP_AFTER))
        await site.end(TRIP_AFTER, News.SILENT)
        await site.put("p", *names("j", 5))
        assert len(site.began) == TRIP_AFTER
        flow = site.dispatcher.find(site.peer("p"), "flow")
        assert flow is not None
        assert not site.dispatcher.probe(flow)
        site.clock.now += FIRST_PAUSE_SECONDS
        assert [site.dispatcher.probe(flow) for _ in range(2)] == [True, False]
        await settle()
        assert site.began[-1] == "j0"
        assert [turn.stands for turn, _ in site.open] == [True]
        assert site.dispatcher.take_back(flow) == names("j", 5)[1:]
        assert site.dispatcher.waiting == 0
        await site.end(1, News.ANSWERED)
        await site.put("p", "k")
        assert site.began[-1] == "k"


async def test_a_probe_that_was_not_made_leaves_the_turn_to_another() -> None:
    """Its partition was lost, or it had nothing to post."""
    async with a_site() as site:
        await site.put("p", *names("i", TRIP_AFTER))
        await site.end(TRIP_AFTER, News.SILENT)
        site.clock.now += FIRST_PAUSE_SECONDS
        await site.put("p", "a", "b")
        flow = site.dispatcher.flow(site.peer("p"), "flow", "account")
        assert site.dispatcher.probe(flow)
        await settle()
        await site.end(1, None)
        assert site.dispatcher.probe(flow)


async def test_a_flow_that_a_probe_has_emptied_and_that_comes_again_is_one_flow() -> None:
    """While its peer waited in line for a place: what came then was lost with the old one, and the process ended."""
    async with a_site(quick=1, slow=1) as site:
        site.peer("p").slow = True
        await site.put("p", "a")
        await site.end(1, News.SILENT)
        for _ in range(TRIP_AFTER - 1):
            site.peer("p").learn(News.SILENT, 5.0)
        site.peer("other").slow = True
        await site.put("other", "o", account="other")
        await site.put("p", "b")
        site.clock.now += FIRST_PAUSE_SECONDS
        assert site.dispatcher.probe(site.dispatcher.flow(site.peer("p"), "flow", "account"))
        await settle()
        other, probe = site.open
        site.open = [probe]
        await site.end(1, News.ANSWERED)
        await site.put("p", "c", "d")
        site.open = [other]
        while site.open:
            await site.end(1)
        assert site.began == ["a", "o", "b", "c", "d"]
        assert (site.dispatcher._peers, site.dispatcher.waiting) == ({}, 0)


async def test_nothing_is_left_of_what_has_gone() -> None:
    """A million peers, flows and accounts leave no trace."""
    async with a_site() as site:
        for number in range(500):
            await site.put(f"p{number}", "i", flow=f"f{number}", account=f"a{number}")
            await site.end(1)
        assert (site.dispatcher._peers, site.dispatcher._blocked, site.dispatcher.waiting) == ({}, {}, 0)
        assert len(site.dispatcher.places) == 0
        assert not site.dispatcher._turns
        assert list(site.dispatcher) == []


async def test_an_error_of_the_work_ends_all() -> None:
    """Whatever it is, the agent ends over it."""

    async def fails(turn: Turn[str]) -> None:
        raise RuntimeError("unexpected")

    clock = Clock()
    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="unexpected")):
        async with asyncio.TaskGroup() as group:
            dispatcher: Dispatcher[str] = Dispatcher(fails, group.create_task, clock, quick=1, slow=1, probing=1)
            peer = Peer("p", clock, most=1)
            dispatcher.put(dispatcher.flow(peer, "f", "a"), 0, Kind.FRESH, "i")
            await asyncio.sleep(10)


STEPS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from("pqrs"), st.integers(0, 2)),
    st.tuples(st.just("end"), st.integers(0, 9), st.sampled_from([*News, None])),
    st.tuples(st.just("pass"), st.sampled_from([0.25, 1.0, 5.0]), st.none()),
    st.tuples(st.just("probe"), st.sampled_from("pqrs"), st.none()),
    st.tuples(st.just("take back"), st.sampled_from("pqrs"), st.none()),
    st.tuples(st.just("trip"), st.sampled_from("pqrs"), st.booleans()),
)


@given(steps=st.lists(STEPS, max_size=80), shares_peers=st.booleans())
@settings(max_examples=300, deadline=None)
def test_whatever_happens_every_item_has_its_turn_once(steps: list[tuple[Any, Any, Any]], shares_peers: bool) -> None:
    """Peers that come and go, probes, flows that empty and come again; two accounts, few places."""

    async def main() -> None:
        async with a_site(quick=1, slow=1, shares_peers=shares_peers) as site:
            given_in: list[str] = []
            taken_back: list[str] = []
            for kind, first, second in steps:
                if kind == "put":
                    item = f"{first}{len(given_in)}"
                    given_in.append(item)
                    await site.put(first, item, account="one" if first in "pq" else "two", lane=second)
                elif kind == "end" and site.open:
                    site.open.insert(0, site.open.pop(first % len(site.open)))
                    await site.end(1, second)
                elif kind == "pass":
                    site.clock.now += first
                    site.dispatcher.move_what_hangs()
                elif kind == "probe" and (flow := site.dispatcher.find(site.peer(first), "flow")):
                    site.dispatcher.probe(flow)
                elif kind == "take back" and (flow := site.dispatcher.find(site.peer(first), "flow")):
                    taken_back += site.dispatcher.take_back(flow)
                elif kind == "trip":
                    for _ in range(TRIP_AFTER):
                        site.peer(first).learn(News.SILENT, 5.0 if second else 0.1)
                await settle()
            for _ in range(len(given_in) + 10):
                await site.end(len(site.open))
                site.clock.now += 2.0
                for flow in list(site.dispatcher):
                    site.dispatcher.probe(flow)
                await settle()
            assert sorted(site.began + taken_back) == sorted(given_in)
            assert (site.dispatcher._peers, site.dispatcher._blocked, site.dispatcher.waiting) == ({}, {}, 0)

    asyncio.run(main())
