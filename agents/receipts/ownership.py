"""What the receipts agent does when partitions come: read what is known of their messages."""

from collections.abc import Mapping, Sequence, Set

import structlog
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.receipts.gather import Gatherer
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.receipts.memory import Memory
from schemas.state.roll_up import Match, RollUp

log = structlog.get_logger(__name__)


class Ownership:
    """Of the partitions of all topics of one group: `kept` are memories, each with a follower of its topic."""

    def __init__(
        self,
        kept: Sequence[tuple[TopicFollower, Memory[RollUp] | Memory[Match]]],
        gatherer: Gatherer,
        limit_seconds: float,
    ) -> None:
        self._kept = tuple(kept)
        self._gatherer = gatherer
        self._limit_seconds = limit_seconds

    async def assigned(self, committed: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Make the memories anew. Raises `BrokerUnreachable`."""
        partitions = {place.partition for place in committed}
        # What is still being written belongs to them.
        async with self._gatherer.settling:
            for follower, memory in self._kept:
                await self._make_anew(follower, memory, partitions)

    async def _make_anew(
        self, follower: TopicFollower, memory: Memory[RollUp] | Memory[Match], partitions: Set[int]
    ) -> None:
        memory.forget_all()
        follower.turn_to(partitions)
        if not partitions:
            follower.begin_at({})
            return
        ends = await follower.ends()
        follower.begin_at(await follower.begins())
        async for records in follower.read_to(ends, limit_seconds=self._limit_seconds):
            memory.read_back((it.partition, it.key or b"", it.value) for it in records)
        log.info("memory_read", partitions=len(partitions), entries=len(memory))

    def begun(self, assignments: Mapping[TopicPartition, Assignment]) -> None:
        """Nothing is kept about what was begun: what comes again says nothing new."""

    def committed(self, place: TopicPartition, position: int) -> None:
        """Commits only say what need not come again."""

    def journal_end(self, partition: int) -> int | None:
        """There is no journal."""
        return None
