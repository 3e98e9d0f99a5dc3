"""Which partitions of a consumer rest: those that hold enough already, and those whose next record is not due."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline.kafka.consuming.partition.assignment import Assignment

WaitSeconds = Callable[[str, bytes | None], float]
"""Says from a record's topic and value how long it must still wait; 0 or less: no longer."""


class _Held(NamedTuple):
    """A partition whose next record, at `offset`, is not due before the loop's clock shows `until`."""

    offset: int
    until: float


class Pauses:
    """Pauses and resumes the partitions of `consumer`.

    One is paused from `outstanding` records that have something to write at their commit, or `run_ahead` behind the
    oldest unfinished one, until it is below half of both; and while its next record has to wait. The wait is asked for
    once and then counted on the loop's clock, so that a step of the wall clock cannot keep a record waiting for ever.
    """

    def __init__(
        self, consumer: AIOKafkaConsumer, *, outstanding: int, run_ahead: int, wait_seconds: WaitSeconds | None
    ) -> None:
        self._consumer = consumer
        self._outstanding = outstanding
        self._run_ahead = run_ahead
        self._wait_seconds = wait_seconds
        self._held: dict[TopicPartition, _Held] = {}
        self._paused: set[TopicPartition] = set()

    def forget(self) -> None:
        """Find everything out anew: aiokafka forgets what was paused when partitions move.

        A remembered pause that it does not know of would last for ever.
        """
        self._paused.clear()
        self._held.clear()

    def is_waiting(self, place: TopicPartition) -> bool:
        """Tell whether a partition rests because its next record is not due."""
        held = self._held.get(place)
        return held is not None and held.until > asyncio.get_running_loop().time()

    def until_due(self, place: TopicPartition) -> tuple[int, float] | None:
        """Return the offset of the record that a partition rests for, and how many seconds; None when it does not."""
        held = self._held.get(place)
        return None if held is None else (held.offset, max(0.0, held.until - asyncio.get_running_loop().time()))

    def must_wait(self, place: TopicPartition, record: Any) -> bool:
        """Tell whether `record` is not due; if so, leave it and what follows it in Kafka for now."""
        if self._wait_seconds is None:
            return False
        now = asyncio.get_running_loop().time()
        held = self._held.get(place)
        if held is None or held.offset != record.offset:
            held = _Held(record.offset, now + self._wait_seconds(record.topic, record.value))
        if held.until <= now:
            self._held.pop(place, None)
            return False
        self._held[place] = held
        self._consumer.seek(place, record.offset)
        self._pause(place)
        return True

    def look(self, assignments: Mapping[TopicPartition, Assignment]) -> None:
        """Pause what holds enough, and resume what has become less or due."""
        for place, assignment in assignments.items():
            if assignment.closed:  # its partition may be gone already, and aiokafka refuses questions about it then
                continue
            if place not in self._paused:
                if assignment.unwritten >= self._outstanding or assignment.unfinished >= self._run_ahead:
                    self._pause(place)
            elif (
                not self.is_waiting(place)
                and assignment.unwritten < max(1, self._outstanding // 2)
                and assignment.unfinished < max(1, self._run_ahead // 2)
            ):
                self._consumer.resume(place)
                self._paused.discard(place)

    def _pause(self, place: TopicPartition) -> None:
        self._consumer.pause(place)
        self._paused.add(place)
