"""What waits for peers in memory: for each peer flows that take turns, in each flow lanes that keep their order.

A flow is what one sender has for one peer: a trunk's messages for a carrier, a trunk's notifications for its endpoint.
Flows of one peer take turns, so one that floods waits for itself. A lane is what must stay in order, the messages to
one number: at most one of them is at work. Within a flow what comes back from disk, what has just come and what is
tried again take turns, so that none of them starves.
"""

from collections import Counter, deque
from collections.abc import Awaitable
from enum import IntEnum
from typing import Final, Generic, TypeVar

from pipeline.posting.limit import Limit
from pipeline.posting.peer import News, Peer
from pipeline.posting.places import holds_its_share

T = TypeVar("T")


class Kind(IntEnum):
    """Where an item comes from."""

    BACKLOG = 0  # it has waited on disk
    FRESH = 1
    LATER = 2  # it was tried before, and comes out of a retry tier


# While all of them wait: what is oldest gets half of the turns.
_TURNS: Final = (Kind.BACKLOG, Kind.FRESH, Kind.BACKLOG, Kind.LATER)


class Lane(Generic[T]):
    """Items that are worked one after the other."""

    __slots__ = ("busy", "items", "key")

    def __init__(self, key: int) -> None:
        self.key = key
        self.items: deque[tuple[Kind, T]] = deque()
        self.busy = False


class Flow(Generic[T]):
    """What one sender has waiting for one peer. `waiting` are items that nobody has begun, `busy` those at work."""

    __slots__ = ("_lanes", "_ready", "_turn", "account", "busy", "listed", "name", "owes", "peer", "rate", "waiting")

    def __init__(self, name: str, account: str, peer: Peer, rate: Limit | None = None) -> None:
        self.name = name
        self.rate = rate
        """How many segments a second it may have posted, to all of its peers, where there is a limit."""
        self.owes = 0
        """Segments that it has had beyond its turns, while there was a limit: it lets others go first as often."""
        self.account = account
        self.peer = peer
        self.waiting = 0
        self.busy = 0
        self.listed = False
        """Whether it is in a list of flows that may be taken from."""
        self._lanes: dict[int, Lane[T]] = {}
        self._ready: tuple[deque[Lane[T]], ...] = tuple(deque() for _ in Kind)
        self._turn = 0

    def __bool__(self) -> bool:
        """Tell whether a lane is ready."""
        backlog, fresh, later = self._ready
        return bool(backlog or fresh or later)

    @property
    def is_free(self) -> bool:
        """Whether neither its own limit nor its peer's keeps a segment back."""
        return all(rate is None or rate.is_free for rate in (self.rate, self.peer.rate))

    def length_of(self, key: int) -> int:
        """Return how many items of a lane wait."""
        lane = self._lanes.get(key)
        return 0 if lane is None else len(lane.items)

    def put(self, key: int, kind: Kind, item: T) -> None:
        """Queue an item behind all of its lane; lane 0 is for what needs no order."""
        self.waiting += 1
        lane = self._lanes.get(key) if key else None
        if lane is None:
            lane = Lane(key)
            if key:
                self._lanes[key] = lane
        elif lane.busy or lane.items:
            lane.items.append((kind, item))
            return
        lane.items.append((kind, item))
        self._ready[kind].append(lane)

    def take(self) -> tuple[Lane[T], T]:
        """Take the next item of the lane whose turn it is; some lane must be ready."""
        ready = self._ready
        for _ in _TURNS:
            self._turn = (self._turn + 1) % len(_TURNS)
            if ready[_TURNS[self._turn]]:
                break
        lane = ready[_TURNS[self._turn]].popleft()
        _, item = lane.items.popleft()
        lane.busy = True
        self.waiting -= 1
        self.busy += 1
        return lane, item

    def done(self, lane: Lane[T]) -> None:
        """Note that the item that was taken of a lane is no longer at work."""
        self.busy -= 1
        lane.busy = False
        if lane.items:
            self._ready[lane.items[0][0]].append(lane)
        elif lane.key:
            del self._lanes[lane.key]

    def drain(self) -> list[T]:
        """Take out everything that nobody has begun."""
        taken: list[T] = []
        lanes = [*self._lanes.values(), *(lane for ready in self._ready for lane in ready if not lane.key)]
        for lane in lanes:
            taken += [item for _, item in lane.items]
            lane.items.clear()
        self._lanes = {key: lane for key, lane in self._lanes.items() if lane.busy}
        for ready in self._ready:
            ready.clear()
        self.waiting = 0
        return taken


class PeerFlows(Generic[T]):
    """A peer's flows, those that may be taken from in the order of their turns, and how much each account has open."""

    __slots__ = ("flows", "held", "listed", "peer", "ready")

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.flows: dict[str, Flow[T]] = {}
        self.ready: deque[Flow[T]] = deque()
        self.held: Counter[str] = Counter()
        self.listed = False

    def has_its_share(self, account: str) -> bool:
        """Tell whether an account holds so much of the peer that the rest is for others."""
        return holds_its_share(self.held[account], self.peer.limit, self.peer.in_flight)


class Turn(Generic[T]):
    """An item at work, with leave to post to its peer until `end`."""

    __slots__ = ("began_at", "flow", "held", "is_paid", "item", "lane", "peer", "place", "probe")

    def __init__(self, flow: Flow[T], lane: Lane[T], item: T, *, probe: bool, place: int, began_at: float) -> None:
        self.flow = flow
        self.lane = lane
        self.held = True
        """It has its place, and leave to post."""
        self.item = item
        self.peer = flow.peer
        self.probe = probe
        """It is to find out whether the peer is back, and that is not known yet."""
        self.place = place
        self.began_at = began_at
        self.is_paid = True
        """What is posted next is within the limits already."""

    @property
    def stands(self) -> bool:
        """Whether another POST may be made: the breaker may have opened since."""
        return self.held and (self.probe or self.peer.breaker.closed)

    def pace(self, segments: int = 1) -> Awaitable[None] | None:
        """Return what to wait for before so many segments are posted at once; None when they may be now."""
        segments -= self.is_paid
        if not segments or (self.peer.rate is None and self.flow.rate is None):
            return None
        return self._pay(segments)

    async def _pay(self, segments: int) -> None:
        self.flow.owes += segments
        for _ in range(segments):
            for rate in (self.flow.rate, self.peer.rate):
                if rate is not None:
                    await rate.wait()
        self.is_paid = True

    def learn(self, news: News, seconds: float, error: str = "", pause_seconds: float | None = None) -> None:
        """Say how a POST went."""
        probe, self.probe, self.is_paid = self.probe, False, False
        self.peer.learn(news, seconds, probe=probe, error=error, pause_seconds=pause_seconds)
