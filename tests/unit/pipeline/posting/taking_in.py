"""An intake over a carrier that answers when the test says so."""

import asyncio
from typing import Any

from pipeline.posting.backlog import Backlog
from pipeline.posting.dispatcher import Dispatcher, Turn
from pipeline.posting.flows import Kind
from pipeline.posting.intake import Entry, Intake
from pipeline.posting.peers.breaker import LONGEST_PAUSE_SECONDS, TRIP_AFTER
from pipeline.posting.peers.known_peers import Peers
from pipeline.posting.peers.peer import News, Peer
from pipeline.posting.row import NO_END, FlowKey, Row
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
            restore=self._restore, expire=self._expire, reach=self._reach, room=room,
            moves=(lambda _: True) if moves else None,
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
