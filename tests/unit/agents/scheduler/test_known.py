"""What is read before the group has said whose it is, and what becomes of it then."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from datetime import timedelta
from typing import Any, NamedTuple, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.scheduler.known import Known
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.scheduling.deferred_store import DeferredStore
from schemas.messages.destination import Destination
from schemas.state.deferred import Deferred, message_key
from schemas.topics import DEFERRED, SCHEDULED
from tests.builders import CREATED, DESTINATION, submission, uuid

EACH = 10
DUE = CREATED + timedelta(hours=1)


class Written(NamedTuple):
    """A record of the topic."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


def message(partition: int, offset: int) -> Written:
    identity = uuid(100 * (partition + 1) + offset)
    part = submission(Destination(address=DESTINATION, id=identity), trunk_id=uuid(11 + partition), send_at=DUE)
    value = Deferred(due_at=DUE, message=part).to_bytes()
    return Written(partition, offset, message_key(part.trunk_id, identity), value)


class Topic:
    """A topic of two partitions, and whoever follows it, a record at a time; one is `given` each time it is told."""

    def __init__(self) -> None:
        self.places = [TopicPartition(DEFERRED, number) for number in (0, 1)]
        self.read: list[tuple[int, int]] = []
        self.given = asyncio.Semaphore(0)
        self._positions: dict[TopicPartition, int] = {}

    def give(self, count: int) -> None:
        for _ in range(count):
            self.given.release()

    async def begins(self) -> dict[TopicPartition, int]:
        return dict.fromkeys(self.places, 0)

    async def ends(self) -> dict[TopicPartition, int]:
        return dict.fromkeys(self.places, EACH)

    def turn_to(self, partitions: Collection[int]) -> None:
        self.places = [TopicPartition(DEFERRED, number) for number in partitions]

    def begin_at(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._positions = dict(offsets)

    async def read_to(self, ends: Mapping[TopicPartition, int], **_: Any) -> AsyncGenerator[list[Written]]:
        for place, end in ends.items():
            while (offset := self._positions[place]) < end:
                await self.given.acquire()
                self._positions[place] = offset + 1
                self.read.append((place.partition, offset))
                yield [message(place.partition, offset)]


def ours(*partitions: int) -> dict[TopicPartition, OffsetAndMetadata]:
    return {TopicPartition(SCHEDULED, number): OffsetAndMetadata(0, "") for number in partitions}


@pytest.mark.parametrize("ahead", [0, 4, 14, 2 * EACH])
@pytest.mark.parametrize("partitions", [(0, 1), (0,), (1,), ()])
async def test_what_was_read_ahead_is_not_read_again_where_all_of_it_is_ours(
    ahead: int, partitions: tuple[int, ...]
) -> None:
    """However far it has come; and what is another's is not known."""
    topic, store = Topic(), DeferredStore(None)
    known = Known(cast("TopicFollower", topic), store, 1.0, lambda: None)
    reading = asyncio.create_task(known.read_ahead())
    topic.give(ahead)
    while len(topic.read) < ahead:
        await asyncio.sleep(0)
    telling = asyncio.create_task(known.assigned(ours(*partitions)))
    await asyncio.sleep(0)
    topic.give(4 * EACH)
    await asyncio.gather(reading, telling)
    assert (store.waiting, store.positions) == (EACH * len(partitions), dict.fromkeys(partitions, EACH))
    assert {it.partition for it in store.due(int(DUE.timestamp() * 1000), 4 * EACH)} == set(partitions)
    assert store.waiting == sum(store._database.execute("SELECT count(*) FROM waiting").fetchone())
    if partitions == (0, 1):
        assert len(topic.read) == len(set(topic.read))
    assert len(topic.read) <= ahead + 1 + EACH * len(partitions)
    store.close()


async def test_nothing_is_read_ahead_where_a_file_tells_what_there_was() -> None:
    """What is ours is in it, most likely, and little else has come."""
    topic, store = Topic(), DeferredStore(None)
    store.apply([message(0, 0)])
    await Known(cast("TopicFollower", topic), store, 1.0, lambda: None).read_ahead()
    assert (topic.read, store.waiting) == ([], 1)
    store.close()


@pytest.mark.parametrize("partitions", [(0, 1), ()])
async def test_nothing_is_read_ahead_once_it_is_told(partitions: tuple[int, ...]) -> None:
    """Then it is known what is ours, and what of it has gone."""
    topic, store = Topic(), DeferredStore(None)
    known = Known(cast("TopicFollower", topic), store, 1.0, lambda: None)
    topic.give(4 * EACH)
    await known.assigned(ours(*partitions))
    await known.read_ahead()
    assert len(topic.read) == store.waiting == EACH * len(partitions)
    store.close()
