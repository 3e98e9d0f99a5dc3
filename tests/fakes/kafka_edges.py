"""What agents use of Kafka, on a `Broker` in memory: exchanged where they import it, for as long as a test runs."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, Final, Self

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata

from pipeline.errors import BrokerUnreachable, NotAcknowledged
from pipeline.kafka.admin.group_offsets import PartitionOffsets
from schemas.record import InRecord, OutRecord
from tests.fakes.broker import LIFE, Stored

Listen = Callable[[set[TopicPartition]], Awaitable[None]]

POLL_SECONDS: Final = 0.02
POSITIONS: Final = "pipeline.kafka.admin.positions"
CONSUMING: Final = "pipeline.kafka.consuming"


def _fetched(topic: str, offset: int, record: Stored) -> InRecord:
    return InRecord(topic, 0, offset, record.timestamp_ms, record.key, record.value, record.headers)


class GroupConsumer:
    """Stands for aiokafka's consumer of a group, in the life in which it is made."""

    def __init__(self, **settings: Any) -> None:
        self._life = LIFE.get()
        self._life.consumers.append(self)
        self._topics: tuple[str, ...] = ()
        self._listener: Any = None
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._generation = -1
        self._in_turn = asyncio.Lock()  # aiokafka calls the listener from one place, once after the other
        self._rebalancing: asyncio.Task[None] | None = None

    # The group.

    def subscribe(self, topics: Sequence[str], listener: Any) -> None:
        self._topics, self._listener = tuple(topics), listener
        self._rebalancing = self._life.task(self._join())

    async def _join(self) -> None:
        await self._life.breathe()
        async with self._in_turn:
            await self._tell(self._listener.on_partitions_revoked, set())
        if self._life.is_member:
            await self.get_partitions()

    async def get_partitions(self) -> None:
        """Be given all partitions, in what is the group's generation now."""
        generation = self._life.broker.generation
        async with self._in_turn:
            await self._get_partitions(generation)

    async def _get_partitions(self, generation: int) -> None:
        self._generation = generation
        await asyncio.sleep(self._life.random.choice((0.0, 0.0, 0.3)))  # until the leader has said who gets what
        await self._life.breathe()
        places = [TopicPartition(topic, 0) for topic in self._topics]
        committed = self._life.broker.committed
        self._paused.clear()
        # From here to the listener aiokafka lets nobody else run: what it does first comes before any fetch.
        self._positions = {it: committed[it.topic].offset if it.topic in committed else 0 for it in places}
        await self._tell(self._listener.on_partitions_assigned, set(places))

    async def rejoin(self) -> None:
        """Find out that the group has gone on without us, and be given all partitions again."""
        await self.give_partitions()
        await self.get_partitions()

    async def give_partitions(self) -> None:
        """Give up all partitions."""
        async with self._in_turn:
            await self._tell(self._listener.on_partitions_revoked, set(self._positions))
            self._positions = {}

    async def _tell(self, listen: Listen, places: set[TopicPartition]) -> None:
        with suppress(Exception):  # aiokafka logs what a listener raises, and goes on
            await listen(places)

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        generation = self._generation
        await self._life.breathe()
        if generation != self._life.broker.generation:
            raise CommitFailedError("another member has it")
        for place, offset in offsets.items():
            self._life.broker.committed[place.topic] = offset
        await self._life.breathe()

    # Records.

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[InRecord]]:
        await self._life.breathe()
        found: dict[TopicPartition, list[InRecord]] = {}
        for place, position in self._positions.items():
            log = self._life.broker.log(place.topic)
            if place not in self._paused and position < len(log):
                end = position + self._life.random.randint(1, 4)
                found[place] = [_fetched(place.topic, it, log[it]) for it in range(position, min(end, len(log)))]
                self._positions[place] = position + len(found[place])
        if not found:
            await asyncio.sleep(POLL_SECONDS)
        return found

    def pause(self, *places: TopicPartition) -> None:
        self._paused.update(places)

    def resume(self, *places: TopicPartition) -> None:
        self._paused.difference_update(places)

    def seek(self, place: TopicPartition, offset: int) -> None:
        self._positions[place] = offset

    async def position(self, place: TopicPartition) -> int:
        if place not in self._positions:
            raise IllegalStateError(f"{place} is not ours")
        return self._positions[place]

    async def beginning_offsets(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        await self._life.breathe()
        return dict.fromkeys(places, 0)

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0}

    def highwater(self, place: TopicPartition) -> int:
        return len(self._life.broker.log(place.topic))


async def committed_by(
    _kafka: Any, _group: str, places: Iterable[TopicPartition]
) -> dict[TopicPartition, OffsetAndMetadata | None]:
    """Stands for the question what a group has committed."""
    life = LIFE.get()
    await life.breathe()
    if life.broker.failing:
        life.broker.failing -= 1
        raise BrokerUnreachable("the coordinator does not answer")
    return {place: life.broker.committed.get(place.topic) for place in places}


async def group_offsets(
    _kafka: Any, _group: str, topics: Iterable[str], **_: Any
) -> dict[TopicPartition, PartitionOffsets]:
    """Stands for the question where a group stands."""
    broker = LIFE.get().broker
    await LIFE.get().breathe()
    known = {topic: broker.committed.get(topic) for topic in topics}
    return {
        TopicPartition(topic, 0): PartitionOffsets(0, len(broker.log(topic)), None if it is None else it.offset)
        for topic, it in known.items()
    }


async def has_committed(_kafka: Any, _group: str) -> bool:
    """Stands for the question whether a group has committed anything: no other topics than those asked for."""
    return False


async def commit_positions(
    _kafka: Any, _group: str, positions: Mapping[TopicPartition, int], *, first: bool = False
) -> None:
    """Stands for the first commit of a group."""
    await LIFE.get().breathe()
    for place, position in positions.items():
        LIFE.get().broker.committed.setdefault(place.topic, OffsetAndMetadata(position, ""))


class HandOffEdge:
    """Stands for transactions: both or neither, and fenced by whoever took over last."""

    def __init__(self, _kafka: Any, *, group: str) -> None:
        self.life = LIFE.get()
        self.group = group

    async def own(self, partitions: set[int]) -> None:
        await self.life.breathe()
        if partitions:
            self.life.broker.transacting[self.group] = self.life

    def check(self) -> None:
        if self.life.broker.transacting.get(self.group) is not self.life:
            raise NotAcknowledged("fenced", stage="hand-off")

    async def commit(self, place: TopicPartition, offset: OffsetAndMetadata, records: Sequence[OutRecord]) -> None:
        await self._transact(records, {place.topic: offset})

    async def write(self, _partition: int, records: Sequence[OutRecord]) -> None:
        await self._transact(records, {})

    async def _transact(self, records: Sequence[OutRecord], offsets: Mapping[str, OffsetAndMetadata]) -> None:
        await self.life.breathe()
        self.check()
        broker = self.life.broker
        is_doubtful = broker.doubtful > 0
        broker.doubtful -= is_doubtful
        if not is_doubtful or self.life.random.random() < 0.5:
            broker.append(records)
            broker.committed.update(offsets)
        await self.life.breathe()
        if is_doubtful:
            raise NotAcknowledged("no answer", stage="hand-off")

    async def stop(self) -> None:
        """There is no connection."""


class Follower:
    """Stands for the follower of a topic."""

    def __init__(self, _kafka: Any, topic: str, **_: Any) -> None:
        self._life = LIFE.get()
        self._topic = topic
        self._position: int | None = None
        self.places: list[TopicPartition] = []

    async def start(self) -> Self:
        self.places = [TopicPartition(self._topic, 0)]
        return self

    async def stop(self) -> None:
        """There is no connection."""

    def turn_to(self, partitions: Collection[int]) -> None:
        self.places = [TopicPartition(self._topic, it) for it in partitions]

    async def begins(self) -> dict[TopicPartition, int]:
        await self._life.breathe()
        return dict.fromkeys(self.places, 0)

    async def ends(self) -> dict[TopicPartition, int]:
        await self._life.breathe()
        return {place: len(self._life.broker.log(place.topic)) for place in self.places}

    def begin_at(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._position = next(iter(offsets.values()), None)

    async def take(self, timeout_ms: float = 1000) -> list[InRecord]:
        await self._life.breathe()
        found = self._next(None)
        if not found:
            await asyncio.sleep(timeout_ms / 1000)
        return found

    async def read_to(
        self, ends: Mapping[TopicPartition, int], *, limit_seconds: float | None = None
    ) -> AsyncGenerator[list[InRecord]]:
        for end in ends.values():
            while found := self._next(end):
                yield found
                await self._life.breathe()

    def _next(self, end: int | None) -> list[InRecord]:
        if self._position is None:
            return []
        log = self._life.broker.log(self._topic)
        begin = self._position
        self._position = min(begin + 5, len(log) if end is None else max(begin, end))
        return [_fetched(self._topic, it, log[it]) for it in range(begin, self._position)]


async def read_topic(_kafka: Any, topic: str, **_: Any) -> AsyncGenerator[InRecord]:
    """Stands for the reader of a topic."""
    life = LIFE.get()
    await life.breathe()
    for offset, it in enumerate(tuple(life.broker.log(topic))):
        yield InRecord(topic, 0, offset, it.timestamp_ms, it.key, it.value, it.headers)


class Producer:
    """Stands for the producer that nobody fences."""

    def __init__(self, _kafka: Any, **_: Any) -> None:
        self._life = LIFE.get()

    async def start(self) -> Self:
        return self

    async def stop(self) -> None:
        """There is no connection."""

    async def write(self, records: Iterable[OutRecord]) -> Mapping[tuple[str, int], int]:
        return await self._life.write(records)


async def _nothing(*_: Any) -> None:
    """Stands for connecting and disconnecting."""


async def _for_ever(*_: Any) -> None:
    await asyncio.Event().wait()


_EXCHANGED: Final[tuple[tuple[str, str, object], ...]] = (
    (f"{CONSUMING}.consumer", "AIOKafkaConsumer", GroupConsumer),
    (f"{CONSUMING}.rebalances", "committed_by", committed_by),
    (f"{CONSUMING}.consumer", "start", _nothing),
    (f"{CONSUMING}.consumer", "stop", _nothing),
    (f"{CONSUMING}.consumer", "watch", _for_ever),
    (POSITIONS, "group_offsets", group_offsets),
    (POSITIONS, "has_committed", has_committed),
    (POSITIONS, "commit_positions", commit_positions),
    (f"{CONSUMING}.retry_tiers", "HandOff", HandOffEdge),
    (f"{CONSUMING}.parking", "TopicFollower", Follower),
    (f"{CONSUMING}.journal", "TopicFollower", Follower),
    (f"{CONSUMING}.journal", "read_topic", read_topic),
    ("agents.delivery.app", "HandOff", HandOffEdge),
    ("agents.delivery.app", "RecordProducer", Producer),
    ("agents.callback.app", "HandOff", HandOffEdge),
    ("agents.callback.app", "RecordProducer", Producer),
)


@contextmanager
def exchanged(more: Sequence[tuple[str, str, object]] = ()) -> Iterator[None]:
    """Give these modules, and those of `more` (module, name, value), what stands for their part of Kafka."""
    before: list[tuple[Any, str, object]] = []
    for name, attribute, value in (*_EXCHANGED, *more):
        module = import_module(name)
        before.append((module, attribute, getattr(module, attribute)))
        setattr(module, attribute, value)
    try:
        yield
    finally:
        for module, attribute, value in reversed(before):
            setattr(module, attribute, value)
