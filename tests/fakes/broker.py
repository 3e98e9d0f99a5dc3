"""A broker that is a few lists, and a process on it that may die, freeze, or be replaced between any two awaits.

What is in `Broker` is durable. Everything else belongs to a `Life` and ends with it. Whole agents run on top: what they
use of aiokafka is exchanged (tests/fakes/kafka_edges.py).
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final

from aiokafka.structs import OffsetAndMetadata

from pipeline.slot import Slot
from schemas.headers.parked import read_at
from schemas.record import OutRecord
from tests.fakes.virtual_time import CLOCK

if TYPE_CHECKING:
    from tests.fakes.kafka_edges import GroupConsumer

SESSION_SECONDS: Final = 10.0

LIFE: Final[ContextVar["Life"]] = ContextVar("life")
"""The process that the running task belongs to."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A record in a topic. A repetition carries on nothing."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int = 0
    repetition: bool = False


@dataclass
class Broker:
    """Topics of one partition each, committed offsets, and who is a member of the groups."""

    topics: dict[str, list[Stored]] = field(default_factory=dict)
    committed: dict[str, OffsetAndMetadata] = field(default_factory=dict)
    member: "Life | None" = None
    """Has the partitions."""
    generation: int = 0
    """Of the groups: one more each time when partitions go to somebody."""
    transacting: "dict[str, Life]" = field(default_factory=dict)
    """By group: whose transactions are not fenced."""
    failing: int = 0
    """So many of the next questions for what is committed are not answered."""
    doubtful: int = 0
    """So many of the next transactions end without an answer, whether they are committed or not."""

    def give_partitions_to(self, life: "Life") -> None:
        """Make `life` the only member: what others commit from now on is refused."""
        self.member = life
        self.generation += 1

    def append(self, records: Iterable[OutRecord]) -> None:
        now = int(CLOCK.now().timestamp() * 1000)
        for record in records:
            self.log(record.topic).append(Stored(record.key, record.value, tuple(record.headers), now))

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

    def parked(self, topic: str) -> list[Stored]:
        """Return what waits in a parking topic."""
        waiting: dict[bytes | None, Stored] = {}
        for record in self.log(topic):
            if record.value is None:
                waiting.pop(record.key, None)
            else:
                assert read_at(record.key) is not None
                assert record.key not in waiting, "parked twice"
                waiting[record.key] = record
        return list(waiting.values())

    def _position(self, topic: str) -> int:
        known = self.committed.get(topic)
        return 0 if known is None else known.offset


class Killed(Exception):
    """The process that was about to do something is no more."""


class Life:
    """One life of a process. `breathe` is where it may be left for ever, or for a while."""

    def __init__(self, broker: Broker, random: Random, slot: Slot) -> None:
        self.broker = broker
        self.slot = slot
        self.random = random
        self.dead = False
        self.failure: BaseException | None = None
        self.consumers: list[GroupConsumer] = []
        self.stopping = asyncio.Event()
        self.ended = asyncio.Event()
        """Set when its main task has come to its end by itself."""
        self._runs = asyncio.Event()
        self._runs.set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_member(self) -> bool:
        return self.broker.member is self

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
            LIFE.set(self)
            try:
                await work
            except Exception as error:  # noqa: BLE001  # whatever it is, an agent ends over it
                if not self.dead:
                    self.failure = self.failure or error
            else:
                self.ended.set()

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
        self.slot.free()

    async def write(self, records: Iterable[OutRecord]) -> Mapping[tuple[str, int], int]:
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
