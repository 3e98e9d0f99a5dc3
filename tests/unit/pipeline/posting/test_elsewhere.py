"""What another peer may take goes there when the wait is not worth it, in its order."""

from pipeline.posting.peers.peer import WORTH_WAITING_SECONDS, News
from pipeline.posting.row import FlowKey
from tests.unit.pipeline.posting.taking_in import Site, trip


async def test_what_another_takes_moves_on_when_the_wait_is_not_worth_it() -> None:
    """In its order, behind nothing that must stay; before that it waits, and nothing else ever moves."""
    site = Site(room=10_000, moves=True)
    await trip(site, News.UNREACHABLE)
    site.reachable = False
    await site.take(*[site.entry(f"any{n:03}", lane=1) for n in range(40)], site.entry("stays", lane=2))
    site.clock.now += WORTH_WAITING_SECONDS - 1.0
    await site.tick()
    assert site.open == []
    site.clock.now += 1.5
    await site.tick()
    moved: list[str] = []
    while there := site.at("other"):
        moved += there
        await site.end(len(site.open))
        await site.tick()
    assert moved == [f"any{n:03}" for n in range(40)]
    await site.take(site.entry("any999", lane=1))
    assert site.at("other") == ["any999"]  # while it lasts, at once
    assert [row for row, count in site.backlog.counts.items() if count] == [FlowKey("carrier", "trunk", "account")]
    await site.close()


async def test_a_new_one_goes_behind_what_still_waits_of_its_lane() -> None:
    """Else it would overtake what is about to move."""
    site = Site(room=10_000, moves=True)
    await trip(site, News.UNREACHABLE)
    site.reachable = False
    await site.take(site.entry("any1", lane=1))
    site.clock.now += WORTH_WAITING_SECONDS + 0.1
    await site.take(site.entry("any2", lane=1), site.entry("any3", lane=2))
    assert site.at("other") == ["any3"]
    await site.tick()
    await site.end(2)
    assert site.done == ["any3", "any1"]
    assert site.at("other") == ["any2"]
    await site.close()


async def test_a_blocked_carrier_is_left_at_once_and_the_first_that_is_here_is_taken() -> None:
    """The second one is away, too, so the third takes it; with all away it waits where it is."""
    site = Site(moves=True)
    site.peers.of("carrier").blocked = site.peers.of("other").blocked = True
    await site.take(site.entry("any1"))
    assert site.at("third") == ["any1"]
    site.peers.of("third").blocked = True
    await site.take(site.entry("any2"))
    await site.tick()
    assert site.backlog.waiting_for("carrier") == 1
    site.peers.of("other").blocked = False
    for _ in range(25):  # it rests for a while after nothing could be done
        await site.tick()
    assert site.at("other") == ["any2"]
    await site.close()


async def test_a_carrier_that_everything_leaves_is_found_when_it_is_back() -> None:
    """By connections where it could not be reached, though nothing waits for it; else by one entry now and then."""
    for news in (News.UNREACHABLE, News.SILENT):
        site = Site(moves=True)
        await trip(site, news)
        site.reachable = False
        site.clock.now += WORTH_WAITING_SECONDS + 0.1
        tried = 0
        for n in range(80):
            await site.take(site.entry(f"any{n}"), site.entry(f"any{n}again"))
            await site.tick()
            tried += len(site.at("carrier"))
            for turn, ending in site.open:
                ending.set_result(News.ANSWERED if turn.peer.name == "other" else news)
            site.open.clear()
            await site.settle()
            site.clock.now += 0.25
        # 20 seconds: a pause is at most a second and a half.
        assert tried == 0 if news is News.UNREACHABLE else 10 <= tried <= 40
        assert site.reached >= 10 if news is News.UNREACHABLE else site.reached == 0
        site.reachable = True
        for n in range(20):
            await site.take(site.entry(f"anyone{n}"))
            await site.tick()
            await site.end(len(site.open))
            site.clock.now += 0.25
        assert not site.peers.of("carrier").away
        await site.take(site.entry("any more"))
        assert site.at("carrier") == ["any more"]
        await site.close()
