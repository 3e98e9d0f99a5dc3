"""How it is found out that a peer is back: something that waits for it is tried, or only a connection.

To connect is enough where nothing could be sent. Many that are due at once are probed in turns.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Generic, TypeVar

from pipeline.posting.dispatcher import Dispatcher
from pipeline.posting.peers.known_peers import Peers
from pipeline.posting.peers.peer import Peer
from pipeline.posting.places import PROBING
from pipeline.posting.row import FlowKey

T = TypeVar("T")

PROBES_PER_TICK: Final = 50
NOBODY: Final = ""
"""Stands for the account where nothing waits for a peer that is probed."""


class Probing(Generic[T]):
    """Probes. `reach` tries to connect to a peer; `load` gets one item of a flow from disk and tells whether it did."""

    def __init__(
        self,
        dispatcher: Dispatcher[T],
        peers: Peers,
        reach: Callable[[Peer], Awaitable[bool]],
        load: Callable[[FlowKey, Peer], bool],
    ) -> None:
        self._dispatcher = dispatcher
        self._peers = peers
        self._reach = reach
        self._load = load
        self._reaching: set[asyncio.Task[None]] = set()
        self._next: list[str] = []

    def probe(self, flows: Iterable[FlowKey], left: Iterable[str]) -> None:
        """Let the peers that are due for it be probed, of those of `flows` and those that all has `left`."""
        waiting: dict[str, FlowKey | None] = dict.fromkeys(left)
        for key in flows:
            if self._peers.of(key.peer).wants_probe and waiting.get(key.peer) is None:
                waiting[key.peer] = key
        # Those whose turn has not come before go first.
        turn = dict.fromkeys(name for name in self._next if name in waiting) | waiting
        begun = 0
        self._next = []
        for name in turn:
            waits = waiting[name]
            account = NOBODY if waits is None else waits.account
            if begun < PROBES_PER_TICK and self._dispatcher.places.may_take(account, PROBING):
                begun += 1
                self._probe(waits, account, self._peers.of(name))
            else:
                self._next.append(name)

    def _probe(self, key: FlowKey | None, account: str, peer: Peer) -> None:
        if not peer.unreachable:
            if key is not None:
                self._try_one(key, peer)
        elif peer.admit_probe():
            self._dispatcher.places.take(account, PROBING)
            task = asyncio.create_task(self._try_to_reach(account, peer))
            self._reaching.add(task)
            task.add_done_callback(self._reaching.discard)

    def _try_one(self, key: FlowKey, peer: Peer) -> None:
        queue = self._dispatcher.queue
        if queue.find(peer, key.name) or self._load(key, peer):
            self._dispatcher.probe(queue.flow(peer, key.name, key.account))

    async def _try_to_reach(self, account: str, peer: Peer) -> None:
        try:
            connected = await self._reach(peer)
        finally:
            peer.release()
            self._dispatcher.places.leave(account, PROBING)
        peer.reached(connected=connected)
