"""What has to wait: nothing is lost, no lane loses its order, and who floods waits for itself."""

import asyncio
from collections import Counter, defaultdict
from time import time
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pipeline.posting.backlog import NO_END, Backlog, FlowKey, Row
from pipeline.posting.breaker import LONGEST_PAUSE_SECONDS, TRIP_AFTER
from pipeline.posting.dispatcher import Dispatcher
from pipeline.posting.flows import Kind, Turn
from pipeline.posting.intake import Entry, Intake
from pipeline.posting.peer import WORTH_WAITING_SECONDS, News, Peer
from pipeline.posting.peers import Peers
from schemas.record import InRecord
from tests.fakes.clock import Clock

FOREVER = NO_END
PROBING = 200


class Site:
    """An intake over a carrier that answers when the test says so; what is restored comes from the row alone."""

    def __init__(self, *, most: int = 8, room: int = 60, probing: int = PROBING, moves: bool = False) -> None:
        self.clock = Clock()
        self.open: list[tuple[Turn[Entry[str]], asyncio.Future[News | None]]] = []
        self.done: list[str] = []
        self.ended: list[str] = []
        self.reachable = True
        self.reached = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.offset = 0
        self.backlog = Backlog()
        self.dispatcher: Dispatcher[Entry[str]] = Dispatcher(
            self._work, self._spawn, self.clock, quick=64, slow=64, probing=probing
        )
        self.peers = Peers(lambda name: Peer(name, self.clock, most=most), lambda _: True, self.clock)
        self.intake: Intake[str] = Intake(
            self.dispatcher, self.backlog, self.peers,
            restore=self._restore, expire=self._expire, reach=self._reach, room=room, moves=moves,
        )  # fmt: skip

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        return task

    async def _work(self, turn: Turn[Entry[str]]) -> None:
        ending: asyncio.Future[News | None] = asyncio.get_running_loop().create_future()
        self.open.append((turn, ending))
        news = await ending
        if news is not None:
            turn.learn(news, 0.01, news.name)
            self.done.append(turn.item.payload)

    def _restore(self, row: Row) -> Entry[str]:
        payload = (row.record.value or b"").decode()
        return Entry(
            row.flow, row.lane, Kind.FRESH, row.record, payload, row.expires_ms, row.stored, takers_of(payload)
        )  # fmt: skip

    async def _expire(self, entry: Entry[str]) -> None:
        self.ended.append(entry.payload)

    async def _reach(self, _: Peer) -> bool:
        self.reached += 1
        return self.reachable

    def entry(
        self,
        payload: str,
        *,
        flow: str = "trunk",
        lane: int = 0,
        peer: str = "carrier",
        account: str = "account",
        expires_ms: int = FOREVER,
    ) -> Entry[str]:
        self.offset += 1
        record = InRecord("topic", 0, self.offset, 0, None, payload.encode(), ())
        flow_key = FlowKey(peer, flow, account)
        return Entry(flow_key, lane, Kind.FRESH, record, payload, expires_ms, takers=takers_of(payload))

    def at(self, peer: str) -> list[str]:
        return [turn.item.payload for turn, _ in self.open if turn.peer.name == peer]

    async def take(self, *entries: Entry[str]) -> None:
        await self.intake.take(entries)
        await self.settle()

    async def end(self, count: int = 1, news: News | None = News.ANSWERED) -> None:
        ending, self.open = self.open[:count], self.open[count:]
        for _, it in ending:
            it.set_result(news)
        await self.settle()

    async def tick(self) -> None:
        await self.intake.tick()
        self.intake._release()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def finish(self) -> None:
        """The carrier is well from now on: let all of it come to its end."""
        self.reachable = True
        for _ in range(10_000):
            if not self.open and not self.backlog.counts and not self.dispatcher.waiting:
                return
            await self.end(len(self.open))
            self.clock.now += LONGEST_PAUSE_SECONDS
            await self.tick()
        raise AssertionError(f"stuck: {len(self.backlog)} on disk, {self.dispatcher.waiting} in memory")

    async def close(self) -> None:
        self.dispatcher.close()
        self.dispatcher.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.backlog.close()


def takers_of(payload: str) -> tuple[str, ...]:
    """Return who may take an entry: what is called so may go to any of three carriers."""
    return ("carrier", "other", "third") if payload.startswith("any") else ()


async def trip(site: Site, news: News = News.SILENT) -> None:
    await site.take(*[site.entry(f"trip{n}") for n in range(TRIP_AFTER)])
    while site.open:
        await site.end(1, news)
    assert site.peers.of("carrier").away
    site.done.clear()


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
TestIntake.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
