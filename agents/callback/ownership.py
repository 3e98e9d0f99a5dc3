"""What the callback agent does when partitions come: read, beside everything else, what waits."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from pipeline.kafka.consuming.parking import Parking
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.posting.backlog import Backlog


class Ownership:
    """Of the partitions of `topics`; `main` says whether these are the main topic's, which the parked ones go with."""

    def __init__(
        self,
        topics: Sequence[str],
        backlog: Backlog,
        parking: Parking,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        *,
        main: bool,
    ) -> None:
        self._topics = tuple(topics)
        self._backlog = backlog
        self._parking = parking
        self._spawn = spawn
        self._main = main
        self._turn = 0

    async def assigned(self, committed: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Begin to read the parking topic: notifications are in no order, so nothing has to wait for that."""
        for topic in self._topics:
            self._backlog.forget(topic)
        if self._main:
            self._turn += 1
            self._spawn(self._own({place.partition for place in committed}, self._turn))

    async def _own(self, partitions: set[int], turn: int) -> None:
        await self._parking.own(partitions)
        if turn == self._turn:
            self._parking.release()

    def begun(self, assignments: Mapping[TopicPartition, Assignment]) -> None:
        """Nothing is kept about what was begun: an endpoint tells repetitions by their id."""

    def committed(self, place: TopicPartition, position: int) -> None:
        """What was parked before `position` has arrived."""
        self._parking.committed(place, position)

    def journal_end(self, partition: int) -> int | None:
        """There is no journal."""
        return None
