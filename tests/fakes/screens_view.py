"""What an agent knows of screenings: nothing, or what a topic in memory has."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import TopicPartition

from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.limits.screens import Screens
from schemas.record import InRecord
from schemas.topics import SCREENED


class ScreeningsInMemory:
    """Stands for the reader of `sms.mt.screened` where nobody has written there."""

    def __init__(self) -> None:
        self.screens = Screens()
        self.taken_over: list[tuple[int, int, int]] = []

    def is_behind(self, partition: int, offset: int, message: int) -> bool:
        return partition not in [it[0] for it in self.taken_over]

    async def take_over(self, first: InRecord, message: int = 0) -> None:
        self.taken_over.append((first.partition, first.offset, message))


class Screened(NamedTuple):
    """A record of the topic: its partition, the broker's time, and its value."""

    partition: int
    timestamp: int
    value: bytes | None


class FollowerInMemory:
    """Stands for the `TopicFollower` of `sms.mt.screened`; `topic` may grow."""

    def __init__(self, topic: Sequence[Screened], partitions: int) -> None:
        self._topic = SCREENED
        self._records = topic
        self._partitions = partitions
        self._next: dict[TopicPartition, int] = {}
        self.records_read = 0

    def _of(self, place: TopicPartition) -> list[Any]:
        return [it for it in self._records if it.partition == place.partition]

    def _places(self) -> list[TopicPartition]:
        return [TopicPartition(SCREENED, partition) for partition in range(self._partitions)]

    async def ends(self) -> dict[TopicPartition, int]:
        return {place: len(self._of(place)) for place in self._places()}

    end_of: Any = TopicFollower.end_of

    async def since(self, moment_ms: float) -> dict[TopicPartition, int]:
        return {
            place: next((i for i, it in enumerate(self._of(place)) if it.timestamp >= moment_ms), len(self._of(place)))
            for place in self._places()
        }

    async def start(self) -> "FollowerInMemory":
        return self

    async def look_back(self, *, seconds: float, records: int) -> None:
        assert (seconds > 0, records > 0) == (True, True)
        self._next = dict.fromkeys(self._places(), 0)

    def seek(self, place: TopicPartition, offset: int) -> None:
        self._next[place] = offset

    def pause(self, *_: TopicPartition) -> None: ...

    def resume(self, *_: TopicPartition) -> None: ...

    async def read_to(
        self, ends: Mapping[TopicPartition, int], *, limit_seconds: float | None = None, at_once: int = 1000
    ) -> AsyncGenerator[list[Any]]:
        assert limit_seconds is not None or at_once < 1000
        for place, end in ends.items():
            records = self._of(place)[self._next[place] : end]
            self.records_read += len(records)
            self._next[place] = end
            for offset, it in enumerate(records):
                yield [_Consumed(it.partition, offset, it.value)]


class _Consumed(NamedTuple):
    partition: int
    offset: int
    value: bytes | None
