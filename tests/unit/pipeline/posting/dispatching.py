"""A dispatcher whose POSTs hang until the test ends them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pipeline.posting.dispatcher import Dispatcher, Turn
from pipeline.posting.flows import Kind
from pipeline.posting.peers.peer import News, Peer
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
            self.dispatcher.put(self.dispatcher.queue.flow(self.peer(peer), flow, account), lane, Kind.FRESH, item)
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
