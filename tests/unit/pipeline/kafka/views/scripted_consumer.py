"""A consumer whose answers are written down beforehand."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from aiokafka import TopicPartition

from pipeline.kafka.views.topic_follower import TopicFollower


class Fetched(NamedTuple):
    """A record."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int = 1000
    partition: int = 0


Answer = tuple[list[Fetched], int] | None


class ScriptedConsumer:
    """A consumer of partitions that all end at `end`.

    Each of `answers` is what one fetch brings and where it leaves the position of the partition that is asked for
    first; None is a broker that does not answer in time.
    """

    def __init__(self, end: int, answers: Sequence[Answer], stable: int | None = None) -> None:
        self._end = end
        self._stable = end if stable is None else stable
        self._answers: Iterator[Answer] = iter(answers)
        self._partitions = 1
        self.positions: dict[TopicPartition, int] = {}
        self.fetches = 0
        self.paused: set[int] = set()
        self.begins_at: int | None = None
        self._answered = 0

    def has(self, partitions: int) -> None:
        """From now on the topic has so many partitions."""
        self._partitions = partitions

    def partitions_for_topic(self, _: str) -> set[int]:
        return set(range(self._partitions))

    def assign(self, places: Iterable[TopicPartition]) -> None:
        self.positions = dict.fromkeys(places, -1)

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.positions[place] = offset

    async def beginning_offsets(self, places: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(places, 0)

    async def end_offsets(self, places: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(places, self._end)

    async def offsets_for_times(self, moments: dict[Any, int]) -> dict[Any, Any]:
        """Return `begins_at` for all of them; where that is None there is nothing that late."""
        return dict.fromkeys(moments, None if self.begins_at is None else SimpleNamespace(offset=self.begins_at))

    def pause(self, *places: TopicPartition) -> None:
        self.paused |= {it.partition for it in places}

    def resume(self, *places: TopicPartition) -> None:
        self.paused -= {it.partition for it in places}

    async def position(self, place: TopicPartition) -> int:
        return self.positions[place]

    async def getmany(self, *places: TopicPartition, timeout_ms: float, max_records: int) -> dict[Any, list[Fetched]]:
        await asyncio.sleep(0)
        self.fetches += 1
        assert self.fetches < 50, "somebody reads on without an end"
        answer = next(self._answers, ([], self.positions[places[0]]))
        if answer is None:
            return {}
        self._answered += 1
        records, self.positions[places[0]] = answer
        return {places[0]: records} if records else {}

    def last_poll_timestamp(self, _: Any) -> int:
        return self._answered

    def last_stable_offset(self, _: Any) -> int:
        return self._stable


async def reads_from(follower: TopicFollower, consumer: ScriptedConsumer) -> None:
    """Have `follower` read from `consumer`, from the beginning."""
    await follower._consumer.stop()
    follower._consumer = consumer
    await follower.look_back()
