"""A broker that is a few lists, and a process on it that may die, freeze, or be replaced between any two awaits.

What is in `Broker` is durable. Everything else belongs to a `Life` and ends with it. The real code runs on top:
trackers and commits (pipeline/kafka), the journal's state, and whatever works on a record.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, cast

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata

from pipeline.errors import NotAcknowledged
from pipeline.kafka.consuming.commit_metadata import CommitMetadata
from pipeline.kafka.consuming.commits import Commits
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.pauses import WaitSeconds
from pipeline.kafka.consuming.work import Work
from schemas.causation import causation_of
from schemas.record import InRecord, OutRecord
from tests.unit.machines.virtual_time import CLOCK

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer

    from pipeline.kafka.consuming.handoff import HandOff

SESSION_SECONDS = 10.0
RUN_AHEAD = 4


@dataclass(frozen=True, slots=True)
class Stored:
    """A record in a topic. `chain` says what it carries on; a repetition carries on nothing."""

    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int = 0
    repetition: bool = False


@dataclass
class Broker:
    """Topics of one partition each, committed offsets, and which generation of the group is the present one."""

    topics: dict[str, list[Stored]] = field(default_factory=dict)
    committed: dict[str, OffsetAndMetadata] = field(default_factory=dict)
    generation: int = 0

    def append(self, records: Iterable[OutRecord]) -> None:
        now = int(CLOCK.now().timestamp() * 1000)
        for record in records:
            self.log(record.topic).append(Stored(record.key, record.value or b"", tuple(record.headers), now))

    def log(self, topic: str) -> list[Stored]:
        return self.topics.setdefault(topic, [])

    def open(self, topics: Iterable[str]) -> list[tuple[str, int, Stored]]:
        """Return the records that no commit covers, without repetitions."""
        return [
            (topic, offset, record)
            for topic in topics
            for offset, record in enumerate(self.log(topic))
            if offset >= self._position(topic) and not record.repetition
        ]

    def _position(self, topic: str) -> int:
        known = self.committed.get(topic)
        return 0 if known is None else known.offset


class Killed(Exception):
    """The process that was about to do something is no more."""


class Life:
    """One life of a process. `breathe` is where it may be left for ever, or for a while."""

    def __init__(self, broker: Broker, random: Random) -> None:
        broker.generation += 1
        self.broker = broker
        self.random = random
        self.generation = broker.generation
        self.dead = False
        self.failure: BaseException | None = None
        self._runs = asyncio.Event()
        self._runs.set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_present(self) -> bool:
        return self.generation == self.broker.generation

    @property
    def frozen(self) -> bool:
        return not self._runs.is_set()

    def freeze(self) -> None:
        self._runs.clear()

    def thaw(self) -> None:
        self._runs.set()

    async def breathe(self) -> None:
        for _ in range(self.random.randrange(3)):
            await asyncio.sleep(0)
        await self._runs.wait()
        if self.dead:
            raise Killed

    def task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` for as long as this life lasts; an error of it ends the life."""

        async def run() -> None:
            try:
                await work
            except Killed:
                pass
            except Exception as error:  # noqa: BLE001  # whatever it is, an agent ends over it
                self.failure = self.failure or error

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def kill(self) -> None:
        """End it where it stands: nothing that it does from here on reaches anybody."""
        self.dead = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def write(self, records: Iterable[OutRecord]) -> dict[tuple[str, int], int]:
        """Write as the idempotent producer does, which nobody fences; return the ends of the topics.

        No breath before: between the last check of membership and this lies one system call, and a process that
        freezes just there is what docs/reliability.md does not promise.
        """
        records = list(records)
        if self.dead:
            raise Killed
        self.broker.append(records)
        ends = {(record.topic, 0): len(self.broker.log(record.topic)) for record in records}
        await self.breathe()
        return ends


class _GroupEdge:
    """What `Commits` uses of aiokafka's consumer."""

    def __init__(self, life: Life) -> None:
        self._life = life

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        await self._life.breathe()
        if not self._life.is_present:
            raise CommitFailedError("another member has it")
        for place, offset in offsets.items():
            self._life.broker.committed[place.topic] = offset
        await self._life.breathe()


class HandOffEdge:
    """A transaction: both or neither, and fenced."""

    def __init__(self, life: Life) -> None:
        self.life = life

    async def commit(self, place: TopicPartition, offset: OffsetAndMetadata, records: Sequence[OutRecord]) -> None:
        await self.life.breathe()
        if not self.life.is_present:
            raise NotAcknowledged("fenced", stage="hand-off")
        self.life.broker.append(records)
        self.life.broker.committed[place.topic] = offset
        await self.life.breathe()


Recovering = Callable[[Mapping[str, int], int], Mapping[TopicPartition, int]]


class Member:
    """One consumer of a life: hands records out and commits."""

    # The questions that are asked before a POST are the product's own.
    may_begin = TrackedConsumer.may_begin
    is_member = TrackedConsumer.is_member
    still_ours = TrackedConsumer.still_ours

    def __init__(
        self,
        life: Life,
        topics: Sequence[str],
        take: Callable[[Sequence[Work]], Coroutine[Any, Any, None]],
        *,
        wait: WaitSeconds | None = None,
        journal_end: Callable[[int], int] | None = None,
    ) -> None:
        self._life = life
        self._topics = tuple(topics)
        self._take = take
        self._taking: asyncio.Task[None] | None = None
        self._wait = wait
        self._positions: dict[str, int] = {}
        self.handed_out: list[tuple[str, int]] = []
        self._commits = Commits(
            cast("AIOKafkaConsumer", _GroupEdge(life)),
            session_timeout_seconds=SESSION_SECONDS,
            hand_off=cast("HandOff", HandOffEdge(life)),
            journal_end=journal_end,
        )

    async def assign(self, recover: Recovering | None) -> None:
        """Begin with what is committed; `recover` is told the offsets and the journal's low-water mark."""
        committed = {TopicPartition(topic, 0): self._life.broker.committed.get(topic) for topic in self._topics}
        begun_before: Mapping[TopicPartition, int] = {}
        if recover is not None:
            begun_before = recover(
                {place.topic: 0 if known is None else known.offset for place, known in committed.items()},
                min(CommitMetadata.parse(known).low_water for known in committed.values()),
            )
        self._commits.begin(committed, begun_before)
        self._positions = {place.topic: 0 if it is None else it.offset for place, it in committed.items()}

    def fetch(self) -> None:
        """Hand out what is there and due, unless the last of it has not been taken in yet."""
        if self._taking is not None and not self._taking.done():
            return
        batch: list[Work] = []
        for topic in self._topics:
            log = self._life.broker.log(topic)
            assignment = self._commits.assignments[TopicPartition(topic, 0)]
            while not assignment.closed and self._positions[topic] < len(log) and assignment.unfinished < RUN_AHEAD:
                offset = self._positions[topic]
                record = log[offset]
                if self._wait is not None and self._wait(topic, record.value) > 0:
                    break
                self._positions[topic] += 1
                if not assignment.hand_out(offset, causation_of(record.headers), record.timestamp_ms):
                    continue
                self.handed_out.append((topic, offset))
                batch.append(
                    Work(
                        InRecord(topic, 0, offset, record.timestamp_ms, record.key, record.value, record.headers),
                        assignment,
                    )
                )
        if batch:
            self._taking = self._life.task(self._take(batch))

    def seconds_to_next(self) -> float | None:
        """Return how long the next record that waits must still wait, None when none does."""
        waits = [
            self._wait(topic, self._life.broker.log(topic)[position].value)
            for topic, position in self._positions.items()
            if self._wait is not None and position < len(self._life.broker.log(topic))
        ]
        return min(waits, default=None)

    async def commit(self) -> None:
        await self._commits.commit()

    @property
    def busy(self) -> bool:
        """Whether anything is begun, or on its way to be."""
        taking = self._taking is not None and not self._taking.done()
        return taking or any(it.in_progress for it in self._commits.assignments.values())

    @property
    def unfinished(self) -> int:
        return sum(it.unfinished for it in self._commits.assignments.values())


def as_consumer(member: Member) -> Any:
    """Return `member` as what the agents call a consumer."""
    return cast("TrackedConsumer", member)
