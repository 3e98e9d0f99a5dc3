"""What one sender has waiting for one peer in memory: a flow, and in it lanes that keep their order.

Such are a trunk's messages for a carrier, a trunk's notifications for its endpoint. A lane is what must stay in order,
the messages to one number: at most one of them is at work. What comes back from disk, what has just come and what is
tried again take turns, so that none of them starves. What is worked together gathers in batches, whose turn has come
when they are ripe: then each is one of those that take turns.
"""

from asyncio import TimerHandle
from collections import deque
from enum import IntEnum
from typing import Final, Generic, TypeVar

from pipeline.posting.gathering import Gathering, Part
from pipeline.posting.peers.peer import Peer
from pipeline.posting.peers.together import Rate

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


class Batch(Lane[T]):
    """Items that are worked together. More may join until it is full or at work; once it is ripe it may be taken."""

    __slots__ = ("name", "ripe", "size", "timer")

    def __init__(self, name: str | None) -> None:
        super().__init__(0)
        self.name = name
        self.ripe = False
        self.size = 0
        self.timer: TimerHandle | None = None
        """Makes it ripe when it has waited long enough."""


class Flow(Generic[T]):
    """What one sender has waiting for one peer. `waiting` are items that nobody has begun, `busy` what is at work."""

    __slots__ = (
        "_lanes",
        "_open",
        "_ready",
        "_turn",
        "account",
        "busy",
        "gathering",
        "listed",
        "name",
        "owes",
        "peer",
        "rate",
        "waiting",
    )  # fmt: skip

    def __init__(self, name: str, account: str, peer: Peer, rate: Rate | None = None) -> None:
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
        self.gathering = 0
        """Of `waiting` those whose batches wait for more."""
        self._open: dict[str, Batch[T]] | None = None
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

    def gather(self, part: Part, kind: Kind, item: T, bounds: Gathering) -> Batch[T]:
        """Put an item into a batch, and return that; it is ripe when it is full."""
        name, size = part.batch, len(part.content)
        batches = self._open = {} if self._open is None else self._open
        batch = None if name is None else batches.get(name)
        if batch is not None and batch.size + size > bounds.size:
            self._fill(batch)
            batch = None
        if batch is None:
            batch = Batch(name)
            if name is not None:
                batches[name] = batch
        batch.items.append((kind, item))
        batch.size += size
        self.waiting += 1
        self.gathering += not batch.ripe
        if name is None or len(batch.items) >= bounds.items or batch.size >= bounds.size:
            self._fill(batch)
        return batch

    def ripen(self, batch: Batch[T]) -> None:
        """Let a batch be taken as it is, if it is still here."""
        if batch.items and not batch.ripe:
            batch.ripe = True
            self.gathering -= len(batch.items)
            self._ready[batch.items[0][0]].append(batch)

    def ripen_oldest(self) -> None:
        """Let one of those that wait for more be taken."""
        for batch in (self._open or {}).values():
            if not batch.ripe:
                self.ripen(batch)
                break

    def _fill(self, batch: Batch[T]) -> None:
        self.ripen(batch)
        self._close(batch)

    def _close(self, batch: Batch[T]) -> None:
        if batch.timer is not None:
            batch.timer.cancel()
        if self._open and batch.name is not None and self._open.get(batch.name) is batch:
            del self._open[batch.name]

    def take_others(self, batch: Batch[T]) -> list[T]:
        """Take all that is with the item that `take` has returned."""
        self._close(batch)
        others = [item for _, item in batch.items]
        batch.items.clear()
        self.waiting -= len(others)
        return others

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
        for batch in list((self._open or {}).values()):
            self.ripen(batch)
            self._close(batch)
        lanes = [*self._lanes.values(), *(lane for ready in self._ready for lane in ready if not lane.key)]
        for lane in lanes:
            taken += [item for _, item in lane.items]
            lane.items.clear()
        self._lanes = {key: lane for key, lane in self._lanes.items() if lane.busy}
        for ready in self._ready:
            ready.clear()
        self.waiting = 0
        return taken
