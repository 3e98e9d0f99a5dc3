"""Who is back is found soon, at little cost, and whoever hangs is in nobody's way."""

from pipeline.posting.peers.breaker import LONGEST_PAUSE_SECONDS, TRIP_AFTER
from pipeline.posting.peers.peer import News
from tests.unit.pipeline.posting.taking_in import Site, trip


async def test_a_peer_that_is_back_is_found_within_two_seconds() -> None:
    """By a probe of what waits, or by a connection where nothing could be sent."""
    for news in (News.SILENT, News.UNREACHABLE):
        site = Site()
        await trip(site, news)
        await site.take(*[site.entry(f"i{n}") for n in range(100)])
        site.reachable = False
        for _ in range(200):
            site.clock.now += 0.25
            await site.tick()
            await site.end(len(site.open), news)
        site.done.clear()
        site.reachable = True
        ticks = 0
        while site.peers.of("carrier").away:
            site.clock.now += 0.25
            await site.tick()
            await site.end(len(site.open), News.ANSWERED)
            ticks += 1
            assert ticks <= 8
        await site.close()


async def test_a_connection_that_is_refused_costs_no_message_an_attempt() -> None:
    """Only to connect is tried, again and again, until it works."""
    site = Site()
    await trip(site, News.UNREACHABLE)
    site.reachable = False
    await site.take(*[site.entry(f"i{n}") for n in range(5)])
    for _ in range(100):
        site.clock.now += 0.5
        await site.tick()
    assert (site.open, site.done) == ([], [])
    assert 20 <= site.reached <= 40
    await site.finish()
    assert len(site.done) == 5
    await site.close()


async def test_a_thousand_peers_that_are_away_are_probed_in_turns() -> None:
    """So many at once that it costs little, and each of them."""
    site = Site()
    for number in range(300):
        peer = site.peers.of(f"p{number}")
        for _ in range(TRIP_AFTER):
            peer.admit()
            peer.learn(News.UNREACHABLE, 0.1)
            peer.release()
    site.reachable = False
    await site.take(*[site.entry("i", peer=f"p{n}", flow=f"p{n}") for n in range(300)])
    asked = []
    for _ in range(12):
        before = site.reached
        site.clock.now += LONGEST_PAUSE_SECONDS
        await site.tick()
        asked.append(site.reached - before)
    assert set(asked) == {50}
    assert all(site.peers.of(f"p{n}").breaker._pause_seconds > 0.5 for n in range(300))
    await site.close()


async def test_hundreds_of_hanging_probes_of_one_account_leave_room_for_anothers() -> None:
    """They hold no more than their share of what probes have, and who is back is found within two seconds."""
    site = Site(probing=64)
    names = [f"hanging{n}" for n in range(300)] + ["other"]
    for name in names:
        peer = site.peers.of(name)
        for _ in range(TRIP_AFTER):
            peer.admit()
            peer.learn(News.SILENT, 0.1)
            peer.release()
    await site.take(
        *[site.entry(f"of {it}", peer=it, flow=it, account="theirs" if it == "other" else "ours") for it in names]
    )
    ticks = 0
    while not (probes := [turn for turn, _ in site.open if turn.peer.name == "other"]):
        site.clock.now += 0.25
        await site.tick()
        ticks += 1
        assert ticks <= 8
    for _ in range(100):
        site.clock.now += 0.25
        await site.tick()
    assert probes
    assert len([turn for turn, _ in site.open if turn.peer.name != "other"]) <= 48
    assert len(site.open) <= 64
    await site.finish()
    await site.close()
