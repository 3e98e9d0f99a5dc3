"""Ends a process whose partitions have work that does not move, by what the broker says.

A consumer that hangs believes that there is nothing to do: it is the broker that must be asked. What it says counts
only while it is watched: a broker that does not answer, or a process that was stopped for a while, starts the clock
anew.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

import structlog
from aiokafka import TopicPartition

from pipeline.errors import BrokerUnreachable, Stuck
from pipeline.kafka.admin.group_offsets import PartitionOffsets, group_offsets
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings

log = structlog.get_logger(__name__)

T = TypeVar("T")

LOOKS = 8  # per time-out
LEAVE_SECONDS = 3.0
LOOK_SECONDS = 5.0  # what a look may take on a busy machine


class Standstill:
    """Remembers since when each partition has had work and not moved. Times are seconds of any steady clock."""

    def __init__(self, limit_seconds: float) -> None:
        self._limit_seconds = limit_seconds
        self._stands: dict[TopicPartition, tuple[int, float]] = {}
        self._looked_at: float | None = None

    def look(self, now: float, found: Mapping[TopicPartition, PartitionOffsets]) -> list[TopicPartition]:
        """Take in what the broker says of our partitions; return those that have stood still for too long."""
        if self._looked_at is not None and now - self._looked_at > max(LOOK_SECONDS, self._limit_seconds / 2):
            self.lose_sight()
        self._looked_at = now
        stands: dict[TopicPartition, tuple[int, float]] = {}
        for place, offsets in found.items():
            if offsets.lag:
                position, since = self._stands.get(place, (-1, now))
                stands[place] = (offsets.position, since if position == offsets.position else now)
        self._stands = stands
        return [place for place, (_, since) in stands.items() if now - since >= self._limit_seconds]

    def lose_sight(self) -> None:
        """Forget: what was not watched may have moved."""
        self._stands = {}
        self._looked_at = None


async def watch(
    kafka: KafkaSettings,
    group: str,
    topics: Collection[str],
    limit_seconds: float,
    ours: Callable[[], Collection[TopicPartition]],
) -> None:
    """Look again and again until cancelled. Raises `Stuck` when a partition of ours has work and stands still.

    `ours` says what is assigned to this process now. When that is nothing, all partitions count: a member that was
    given nothing while the group stands still had better join anew.
    """
    standstill = Standstill(limit_seconds)
    clock = asyncio.get_running_loop().time
    while True:
        await asyncio.sleep(limit_seconds / LOOKS)
        try:
            found = await _to_its_end(group_offsets(kafka, group, topics, client_id=f"{group}-watchdog"))
        except BrokerUnreachable as error:
            log.warning("watchdog_sees_nothing", group=group, error=str(error))
            standstill.lose_sight()
            continue
        assigned = set(ours())
        watched = {place: it for place, it in found.items() if place in assigned or not assigned}
        stuck = standstill.look(clock(), watched)
        try:
            stuck = [place for place in stuck if await _to_its_end(_has_record(kafka, group, place, watched[place]))]
        except BrokerUnreachable as error:
            log.warning("watchdog_sees_nothing", group=group, error=str(error))
            standstill.lose_sight()
            continue
        if stuck:
            waiting = sum(watched[place].lag for place in stuck)
            places = ", ".join(f"{it.topic}-{it.partition} at {watched[it].position}" for it in sorted(stuck))
            raise Stuck(
                f"{waiting} records wait for {group} and nothing was committed for {limit_seconds:g} s: {places}"
            )


async def _has_record(kafka: KafkaSettings, group: str, place: TopicPartition, offsets: PartitionOffsets) -> bool:
    """Tell whether a record lies ahead: a transaction's marker takes an offset, too, and nobody ever commits it."""
    ahead = read_topic(
        kafka,
        place.topic,
        client_id=f"{group}-watchdog",
        offsets={place.partition: offsets.position},
        partitions=[place.partition],
    )
    async with aclosing(ahead):
        return await anext(ahead, None) is not None


async def _to_its_end(look: Coroutine[Any, Any, T]) -> T:
    """Await `look`; cancelled, let it finish for a moment: aiokafka leaves connections open that are cut short."""
    looking = asyncio.create_task(look)
    try:
        return await asyncio.shield(looking)
    except asyncio.CancelledError:
        await asyncio.wait([looking], timeout=LEAVE_SECONDS)
        looking.cancel()
        raise
