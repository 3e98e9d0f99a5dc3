"""What has to wait: in memory while there is room for its flow, on disk otherwise and while its peer is away.

Whatever is read is taken: reading never stops because somebody's messages wait, since what is behind them may be for
somebody else. How much of a flow waits in memory depends on how much room is left (dynamic thresholds, as switches
share their buffers): one that floods alone may have half of it, and there is always some for one that has just come.

What waits for a peer that is away does not wait for a clock. A probe finds out when the peer is back (`Probing`), and
what waits is then released in its order, flow by flow, as fast as the peer takes it. What another peer may take goes
there when the wait is not worth it (`Elsewhere`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from time import perf_counter, time
from typing import Final, Generic, TypeVar

from pipeline.posting.backlog import Backlog
from pipeline.posting.dispatcher import Dispatcher
from pipeline.posting.elsewhere import Elsewhere
from pipeline.posting.flows import Flow, Kind
from pipeline.posting.gathering import Part
from pipeline.posting.peers.known_peers import Peers
from pipeline.posting.peers.peer import Peer
from pipeline.posting.probing import Probing
from pipeline.posting.row import NO_END, FlowKey, Row, Stored
from schemas.record import InRecord

P = TypeVar("P")

ROOM: Final = 4000  # entries in memory that nobody has begun
LANE_ROOM: Final = 32  # of one lane
LOADED_BELOW: Final = 64  # entries of a flow in memory: with fewer it gets more from disk
LOADED_AT_ONCE: Final = 128
LOOK_SECONDS: Final = 0.02  # while something on disk could be released
TICK_SECONDS: Final = 0.25
SLICE_SECONDS: Final = 0.004  # work on records without letting POSTs and answers have their turn
EXPIRED_AT_ONCE: Final = 200
MOVED_AT_ONCE: Final = 500


@dataclass(slots=True)
class Entry(Generic[P]):
    """Something to post: for which peer, in which flow and lane (0: in no order), and until when (Unix time).

    `payload` is what the agent knows about it. `takers` are the peers that may take it, when there are several;
    `movable` says that there may be some when it has waited. With a `part` it is posted together with others.
    `seq` is its place among all others, given when it is taken in.
    """

    flow: FlowKey
    lane: int
    kind: Kind
    record: InRecord
    payload: P
    expires_ms: int = NO_END
    stored: Stored = Stored.IN_PLACE
    takers: tuple[str, ...] = ()
    movable: bool = False
    part: Part | None = None
    seq: int = -1


class Intake(Generic[P]):
    """Queues entries for `dispatcher`, in memory or in `backlog`.

    `restore` makes entries of rows again (None: nobody needs it any more). `expire` ends one that must not wait any
    longer. `reach` tries to connect to a peer. With `moves` an entry may have several takers; it tells of which flows
    that is so now.
    """

    def __init__(
        self,
        dispatcher: Dispatcher[Entry[P]],
        backlog: Backlog,
        peers: Peers,
        *,
        restore: Callable[[Row], Entry[P] | None],
        expire: Callable[[Entry[P]], Awaitable[None]],
        reach: Callable[[Peer], Awaitable[bool]],
        room: int = ROOM,
        moves: Callable[[FlowKey], bool] | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._queue = dispatcher.queue
        self._peers = peers
        self._restore = restore
        self._expire = expire
        self._room = room
        self._moves = moves
        self._elsewhere = Elsewhere(peers)
        self._probing = Probing(dispatcher, peers, reach, lambda key, peer: self._load(key, peer, 1) > 0)
        self._seq = count()
        self._spilled: dict[tuple[FlowKey, int], None] = {}
        self._rows: list[Row] = []
        self._slice_ends = 0.0
        self._back = asyncio.Event()
        self._here: dict[FlowKey, None] = {}
        self.backlog = backlog

    # In.

    async def take(self, entries: Iterable[Entry[P]]) -> None:
        """Take entries in, in their order."""
        for entry in entries:
            entry.seq = next(self._seq)
            self._put(entry)
            if perf_counter() >= self._slice_ends:
                self._spill()
                await asyncio.sleep(0)
                self._slice_ends = perf_counter() + SLICE_SECONDS
        self._spill()

    def _put(self, entry: Entry[P]) -> None:
        peer = self._peers.of(entry.flow.peer)
        if (
            entry.takers
            and not peer.worth_waiting_for
            and not self._follows(entry)
            and not self._elsewhere.keeps_one(peer)
        ):
            peer = self._elsewhere.taker(peer, entry.takers)
        self._put_to(peer, entry)

    def _put_to(self, peer: Peer, entry: Entry[P]) -> None:
        if entry.flow.peer != peer.name:
            entry.flow = entry.flow._replace(peer=peer.name)
        if entry.kind is Kind.LATER and peer.unheard:
            peer.slow = True  # it has failed before, and nothing better is known of it
        flow = None if peer.away or self._follows(entry) else self._flow_with_room(peer, entry)
        if flow is not None:
            self._dispatcher.put(flow, entry.lane, entry.kind, entry, entry.part)
        else:
            self._spilled[entry.flow, entry.lane] = None
            self._rows.append(_row(entry))

    def _flow_with_room(self, peer: Peer, entry: Entry[P]) -> Flow[Entry[P]] | None:
        key = entry.flow
        flow = self._queue.find(peer, key.name)
        room = self._room - self._dispatcher.waiting
        if flow is None:  # one that has just come has some room, too
            return self._queue.flow(peer, key.name, key.account) if room > -self._room else None
        if flow.waiting > room:
            return None
        return flow if not entry.lane or flow.length_of(entry.lane) < LANE_ROOM else None

    def _follows(self, entry: Entry[P]) -> bool:
        """Tell whether anything of its lane waits on disk: what came before it goes before it."""
        if not entry.lane or not (self._rows or self.backlog.counts):
            return False
        return (entry.flow, entry.lane) in self._spilled or self.backlog.holds(entry.flow, entry.lane)

    def _spill(self) -> None:
        """Write to disk what is to wait there."""
        if self._rows:
            rows, self._rows = self._rows, []
            self.backlog.add(rows)
            self._spilled.clear()
            for row in rows:
                if row.flow not in self._here and not self._peers.of(row.flow.peer).away:
                    self._here[row.flow] = None
                    self._back.set()

    def add_rows(self, rows: Sequence[tuple[FlowKey, int, InRecord, int, Stored]]) -> None:
        """Take in what waits elsewhere already: flow, lane, record, end, and where it is kept."""
        self.backlog.add(
            [
                Row(next(self._seq), flow, lane, record, end, stored, self._moves is not None)
                for flow, lane, record, end, stored in rows
            ]
        )

    # Out.

    async def run(self) -> None:
        """Release what waits on disk for peers that are here, until cancelled."""
        while True:
            released = self._release()
            self._back.clear()
            if released:
                await asyncio.sleep(LOOK_SECONDS)
            else:
                try:
                    async with asyncio.timeout(TICK_SECONDS):
                        await self._back.wait()
                except TimeoutError:
                    pass

    def _release(self) -> bool:
        """Load what there is room for; tell whether anything waits on disk for a peer that is here."""
        for key in list(self._here):
            peer = self._peers.of(key.peer)
            if peer.away or key not in self.backlog.counts:
                del self._here[key]
                continue
            flow = self._queue.find(peer, key.name)
            # What gathers waits for more: it must not be what keeps that away.
            waiting = 0 if flow is None else flow.waiting - flow.gathering
            room = self._room - self._dispatcher.waiting
            if waiting < LOADED_BELOW and waiting <= room:
                self._load(key, peer, min(LOADED_AT_ONCE, room + 1))
        return bool(self._here)

    def _look_who_is_here(self) -> None:
        """Note what waits on disk for peers that are here."""
        before = len(self._here)
        for key in self.backlog.counts:
            if key not in self._here and not self._peers.of(key.peer).away:
                self._here[key] = None
        if len(self._here) > before:
            self._back.set()

    def _load(self, key: FlowKey, peer: Peer, count: int) -> int:
        found = self._queue.find(peer, key.name)

        def room(lane: int) -> int:
            return LANE_ROOM if found is None or not lane else LANE_ROOM - found.length_of(lane)

        loaded = 0
        for row in self.backlog.take(key, count, room):
            entry = self._restore(row)
            if entry is not None:
                entry.seq = row.seq
                flow = self._queue.flow(peer, key.name, key.account)
                self._dispatcher.put(flow, entry.lane, Kind.BACKLOG, entry, entry.part)
                loaded += 1
        return loaded

    # Peers that are away.

    async def tick(self) -> None:
        """Look after peers and what waits for them; to be called a few times a second."""
        self._dispatcher.move_what_hangs()
        self._take_back()
        self._probing.probe(self.backlog.counts, self._elsewhere.to_reach())
        self._move_on()
        self._look_who_is_here()
        for row in self.backlog.expired(int(time() * 1000), EXPIRED_AT_ONCE):
            entry = self._restore(row)
            if entry is not None:
                await self._expire(entry)

    def _take_back(self) -> None:
        """Put on disk what is in memory for peers that are away."""
        for flow in self._queue:
            if flow.peer.away and flow.waiting:
                self._rows += [_row(entry) for entry in self._dispatcher.take_back(flow)]
        self._spill()

    def _move_on(self) -> None:
        """Let others take what has waited long enough for peers that are away, in its order."""
        moves = self._moves
        if moves is None:
            return
        for key in self._elsewhere.leaving(self.backlog.counts):
            if not moves(key):
                self._elsewhere.let_rest(key)
                continue
            peer, moved = self._peers.of(key.peer), False
            for row in self.backlog.take_movable(key, MOVED_AT_ONCE):
                entry = self._restore(row)
                if entry is None:
                    continue
                entry.seq = row.seq
                taker = self._elsewhere.taker(peer, entry.takers)
                moved = moved or taker is not peer
                self._put_to(taker, entry)
            if not moved:
                self._elsewhere.let_rest(key)
            self._spill()
        self._elsewhere.tick()


def _row(entry: Entry[P]) -> Row:
    movable = bool(entry.takers) or entry.movable
    return Row(
        entry.seq, entry.flow, entry.lane, entry.record, entry.expires_ms, entry.stored, movable,
    )  # fmt: skip
