"""What is parked when, and when what a restart finds may be taken."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from pipeline.kafka.consuming import parking
from pipeline.kafka.consuming.parking import LONGEST_SPAN, STANDS_SECONDS, Parking
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.posting.backlog import Backlog
from pipeline.posting.row import FlowKey, Row, Stored
from pipeline.settings import KafkaSettings
from schemas.headers.parked import Parked, key_of
from schemas.record import InRecord, OutRecord
from tests.builders import in_record
from tests.fakes.virtual_time import VirtualLoop

TOPIC = "parked"
FLOW = FlowKey("peer", "flow", "account")
PLACE = TopicPartition("main", 0)


class Fetched(NamedTuple):
    """A record of the parking topic, as the client gives it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Follower:
    """A parking topic of one partition: what it holds at first, and what comes later."""

    def __init__(self) -> None:
        self.holds: list[Fetched] = []
        self.comes: list[Fetched] = []

    def turn_to(self, _: object) -> None:
        pass

    def begin_at(self, _: object) -> None:
        pass

    async def begins(self) -> dict[TopicPartition, int]:
        return {}

    async def ends(self) -> dict[TopicPartition, int]:
        return {}

    async def read_to(self, _: object, **__: object) -> AsyncIterator[list[Fetched]]:
        await asyncio.sleep(0.1)
        yield self.holds

    async def take(self, **_: object) -> list[Fetched]:
        taken, self.comes = self.comes, []
        await asyncio.sleep(0.1)
        return taken


def parked(offset: int, *, done: bool = False) -> Fetched:
    """Return what another process has parked of PLACE, or that it is done."""
    record = in_record(PLACE.topic, b"{}", offset)
    out = Parked(record, *FLOW, 1 << 50, "another").to_record(TOPIC)
    return Fetched(TOPIC, 0, offset, 0, key_of(record.coordinates), None if done else out.value, tuple(out.headers))


class Place:
    """A parking place beside its backlog."""

    def __init__(self, follower: Follower) -> None:
        self.backlog = Backlog()
        self.follower = follower
        self.seq = 0
        nothing: Any = None
        self.parking = Parking(
            KafkaSettings(), TOPIC, self.backlog, client_id="test", producer=nothing, transactions=nothing,
            add_rows=self.add, lane_of=lambda _: 0,
        )  # fmt: skip

    def add(self, rows: Sequence[tuple[FlowKey, int, InRecord, int, Stored]]) -> None:
        for flow, lane, record, end, stored in rows:
            self.seq += 1
            self.backlog.add([Row(self.seq, flow, lane, record, end, stored)])

    @property
    def taken(self) -> list[int]:
        """The offsets of what may be taken now."""
        return [row.record.offset for row in self.backlog.take(FLOW, 100, lambda _: 100)]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    follower = Follower()
    monkeypatch.setattr(parking, "TopicFollower", lambda *_, **__: follower)
    return Place(follower)


def run(what: Callable[[], Any]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(what())


def test_what_a_restart_finds_is_not_taken_before_its_partitions_have_begun(place: Place) -> None:
    """Whoever took it would not know whose work it is, and drop it."""

    async def restart() -> None:
        place.follower.holds = [parked(1), parked(2), parked(1, done=True), parked(3)]
        following = asyncio.create_task(place.parking.follow())
        await place.parking.own([0])
        place.follower.comes = [parked(4)]
        await asyncio.sleep(5)
        assert place.taken == []
        place.parking.release()
        await asyncio.sleep(5)
        assert place.taken == [2, 3, 4]
        following.cancel()

    run(restart)


def test_what_is_found_anew_waits_anew(place: Place) -> None:
    """Partitions that come again are read again, and nothing of before is taken meanwhile."""

    async def twice() -> None:
        place.follower.holds = [parked(1), parked(2)]
        await place.parking.own([0])
        place.parking.release()
        await place.parking.own([0])
        assert place.taken == []
        place.parking.release()
        assert place.taken == [1, 2]

    run(twice)


class Standing:
    """An assignment of PLACE with records from 7 on that all wait on disk."""

    def __init__(self, place: Place, count: int) -> None:
        self.assignment = Assignment(OffsetAndMetadata(7, ""))
        self.rows(place.backlog, range(7, 7 + count))

    def rows(self, backlog: Backlog, offsets: Iterable[int]) -> None:
        for offset in offsets:
            self.assignment.hand_out(offset)
            backlog.add([Row(offset, FLOW, 0, in_record(PLACE.topic, b"{}", offset))])

    @property
    def parks(self) -> list[OutRecord]:
        return self.assignment.take_outbox(1 << 50)


def test_a_position_that_moves_parks_nothing(place: Place) -> None:
    """What waits for a moment only is not written twice."""
    standing = Standing(place, 3)
    place.parking.park({PLACE: standing.assignment}, 0.0)
    place.parking.park({PLACE: standing.assignment}, STANDS_SECONDS - 1)
    assert standing.assignment.begin()
    standing.assignment.finish(7)
    place.parking.park({PLACE: standing.assignment}, STANDS_SECONDS)
    place.parking.park({PLACE: standing.assignment}, 2 * STANDS_SECONDS - 1)
    assert standing.parks == []
    place.parking.park({PLACE: standing.assignment}, 2 * STANDS_SECONDS)
    assert [it.key for it in standing.parks] == [b"main:0:8", b"main:0:9"]


def test_a_long_way_to_read_again_is_made_shorter_at_once(place: Place) -> None:
    """However young what waits is: a restart would read all of it."""
    standing = Standing(place, 2)
    for offset in range(9, 7 + LONGEST_SPAN):
        standing.assignment.hand_out(offset)
    place.parking.park({PLACE: standing.assignment}, 0.0)
    assert len(standing.parks) == 2
