"""Turns: each item has one, a place with it, and both are given back."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.posting.dispatcher import Dispatcher, Turn
from pipeline.posting.flows import Kind
from pipeline.posting.peers.breaker import FIRST_PAUSE_SECONDS, TRIP_AFTER
from pipeline.posting.peers.peer import SLOW_SECONDS, News, Peer
from pipeline.posting.places import HANGING
from tests.fakes.clock import Clock
from tests.unit.pipeline.posting.dispatching import a_site, names, settle


async def test_one_lane_is_worked_one_after_the_other() -> None:
    """Messages to one number stay in order, and others pass them."""
    async with a_site() as site:
        await site.put("p", "x0", "x1", "x2", lane=7)
        await site.put("p", "y0", lane=8)
        assert site.began == ["x0", "y0"]
        await site.end(1)
        await site.end(2)
        assert site.began == ["x0", "y0", "x1", "x2"]


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


async def test_who_is_away_takes_no_place_until_a_probe_has_found_it() -> None:
    """What waits for it in memory can be taken back; one of it is the probe."""
    async with a_site() as site:
        await site.put("p", *names("i", TRIP_AFTER))
        await site.end(TRIP_AFTER, News.SILENT)
        await site.put("p", *names("j", 5))
        assert len(site.began) == TRIP_AFTER
        flow = site.dispatcher.queue.find(site.peer("p"), "flow")
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
        flow = site.dispatcher.queue.flow(site.peer("p"), "flow", "account")
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
        assert site.dispatcher.probe(site.dispatcher.queue.flow(site.peer("p"), "flow", "account"))
        await settle()
        other, probe = site.open
        site.open = [probe]
        await site.end(1, News.ANSWERED)
        await site.put("p", "c", "d")
        site.open = [other]
        while site.open:
            await site.end(1)
        assert site.began == ["a", "o", "b", "c", "d"]
        assert (site.dispatcher.queue._peers, site.dispatcher.waiting) == ({}, 0)


async def test_nothing_is_left_of_what_has_gone() -> None:
    """A million peers, flows and accounts leave no trace."""
    async with a_site() as site:
        for number in range(500):
            await site.put(f"p{number}", "i", flow=f"f{number}", account=f"a{number}")
            await site.end(1)
        assert (site.dispatcher.queue._peers, site.dispatcher.queue._blocked, site.dispatcher.waiting) == ({}, {}, 0)
        assert len(site.dispatcher.places) == 0
        assert not site.dispatcher._turns
        assert list(site.dispatcher.queue) == []


async def test_an_error_of_the_work_ends_all() -> None:
    """Whatever it is, the agent ends over it."""

    async def fails(turn: Turn[str]) -> None:
        raise RuntimeError("unexpected")

    clock = Clock()
    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="unexpected")):
        async with asyncio.TaskGroup() as group:
            dispatcher: Dispatcher[str] = Dispatcher(fails, group.create_task, clock, quick=1, slow=1, probing=1)
            peer = Peer("p", clock, most=1)
            dispatcher.put(dispatcher.queue.flow(peer, "f", "a"), 0, Kind.FRESH, "i")
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
@settings(max_examples=300)
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
                elif kind == "probe" and (flow := site.dispatcher.queue.find(site.peer(first), "flow")):
                    site.dispatcher.probe(flow)
                elif kind == "take back" and (flow := site.dispatcher.queue.find(site.peer(first), "flow")):
                    taken_back += site.dispatcher.take_back(flow)
                elif kind == "trip":
                    for _ in range(TRIP_AFTER):
                        site.peer(first).learn(News.SILENT, 5.0 if second else 0.1)
                await settle()
            for _ in range(len(given_in) + 10):
                await site.end(len(site.open))
                site.clock.now += 2.0
                for flow in list(site.dispatcher.queue):
                    site.dispatcher.probe(flow)
                await settle()
            assert sorted(site.began + taken_back) == sorted(given_in)
            queue = site.dispatcher.queue
            assert (queue._peers, queue._blocked, site.dispatcher.waiting) == ({}, {}, 0)

    asyncio.run(main())
