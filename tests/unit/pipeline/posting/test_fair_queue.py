"""Whose turn it is: peers and flows in turns, and a part for whoever comes."""

from collections import Counter

import pytest

from pipeline.posting.peers.peer import SLOW_SECONDS
from tests.unit.pipeline.posting.dispatching import a_site, names, settle


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
        site.dispatcher.queue.resume(site.peer("p"))
        await settle()
        assert len(site.open) == 5
        site.peer("p").allow(1)
        await site.end(4)
        assert len(site.open) == 1


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
