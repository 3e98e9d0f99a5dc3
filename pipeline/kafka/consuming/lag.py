"""How much is left to do in the partitions of a consumer, as far as its fetches tell."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError

from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.consuming.pauses import Pauses
from pipeline.measuring.ages import Ages
from pipeline.metrics import LAG, OLDEST, RETRY_DUE, RETRY_PENDING


class Lag:
    """Counts the records that are not finished."""

    def __init__(self, consumer: AIOKafkaConsumer, pauses: Pauses) -> None:
        self._consumer = consumer
        self._pauses = pauses
        self._positions: dict[TopicPartition, int] = {}
        self._ages: dict[TopicPartition, Ages] = {}

    def forget(self) -> None:
        """Find everything out anew: partitions have moved."""
        self._positions.clear()
        self._ages.clear()

    def ages_of(self, place: TopicPartition) -> Ages:
        """Return where the times of a partition's records are noted."""
        return self._ages.setdefault(place, Ages())

    def records(self, assignments: Mapping[TopicPartition, Assignment]) -> int:
        """Return how many records of these partitions are not finished.

        Records that are not due, and those behind them, do not count: nothing is late with them.
        """
        return sum(self._records_of(place, assignment) for place, assignment in assignments.items())

    def _records_of(self, place: TopicPartition, assignment: Assignment) -> int:
        if assignment.closed or assignment.last_offset is None or self._pauses.is_waiting(place):
            return assignment.outstanding
        reached = max(assignment.last_offset + 1, self._positions.get(place, 0))
        return assignment.outstanding + self._ahead(place, reached)

    def _ahead(self, place: TopicPartition, offset: int) -> int:
        highwater = self._consumer.highwater(place)
        return 0 if highwater is None else max(0, highwater - offset)

    def _oldest_seconds(self, place: TopicPartition, assignment: Assignment) -> float:
        offset, ages = next(assignment.oldest_waiting(), None), self._ages.get(place)
        written_ms = None if offset is None or ages is None else ages.of(offset)
        return 0.0 if written_ms is None else max(0.0, time() - written_ms / 1000)

    def report(
        self, assignments: Mapping[TopicPartition, Assignment], agent: str, topics: Sequence[str], *, are_tiers: bool
    ) -> None:
        """Bring the metrics of these partitions up to date, one series for each topic."""
        late, pending = dict.fromkeys(topics, 0), dict.fromkeys(topics, 0)
        oldest, due = dict.fromkeys(topics, 0.0), dict.fromkeys(topics, 0.0)
        for place, assignment in assignments.items():
            topic, records = place.topic, self._records_of(place, assignment)
            late[topic] += records
            oldest[topic] = max(oldest[topic], self._oldest_seconds(place, assignment))
            held = None if assignment.closed else self._pauses.until_due(place)
            pending[topic] += records if held is None else assignment.outstanding + self._ahead(place, held[0])
            if held is not None:
                due[topic] = min(due[topic] or held[1], held[1])
        for topic in topics:
            LAG.labels(agent, topic).set(late[topic])
            OLDEST.labels(agent, topic).set(oldest[topic])
            if are_tiers:
                RETRY_PENDING.labels(agent, topic).set(pending[topic])
                RETRY_DUE.labels(agent, topic).set(due[topic])

    async def note_positions(self, assignments: Mapping[TopicPartition, Assignment]) -> None:
        """Note how far the fetcher has come: transactions leave markers, which are never handed out, behind records."""
        for place, assignment in list(assignments.items()):
            if not assignment.closed:
                with suppress(IllegalStateError):  # taken away meanwhile
                    self._positions[place] = await self._consumer.position(place)
                    assignment.reach(self._positions[place])
