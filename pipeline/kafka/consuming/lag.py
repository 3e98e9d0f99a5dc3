"""How much is left to do in the partitions of a consumer, as far as its fetches tell."""

from collections.abc import Mapping
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError

from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.consuming.pauses import Pauses


class Lag:
    """Counts the records that are not finished."""

    def __init__(self, consumer: AIOKafkaConsumer, pauses: Pauses) -> None:
        self._consumer = consumer
        self._pauses = pauses
        self._positions: dict[TopicPartition, int] = {}

    def forget(self) -> None:
        """Find everything out anew: partitions have moved."""
        self._positions.clear()

    def records(self, assignments: Mapping[TopicPartition, Assignment]) -> int:
        """Return how many records of these partitions are not finished.

        Records that are not due, and those behind them, do not count: nothing is late with them.
        """
        total = 0
        for place, assignment in assignments.items():
            total += assignment.outstanding
            if assignment.closed or assignment.last_offset is None or self._pauses.is_waiting(place):
                continue
            highwater = self._consumer.highwater(place)
            if highwater is not None:
                total += max(0, highwater - max(assignment.last_offset + 1, self._positions.get(place, 0)))
        return total

    async def note_positions(self, assignments: Mapping[TopicPartition, Assignment]) -> None:
        """Note how far the fetcher has come: transactions leave markers, which are never handed out, behind records."""
        for place, assignment in list(assignments.items()):
            if not assignment.closed:
                with suppress(IllegalStateError):  # taken away meanwhile
                    self._positions[place] = await self._consumer.position(place)
                    assignment.reach(self._positions[place])
