"""What the receipts agent does when partitions come: read what is known of their messages."""

from collections.abc import Iterable, Mapping

import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.structs import OffsetAndMetadata
from pydantic import ValidationError

from agents.receipts.gather import Gatherer
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.receipts.memory import Kept, Memory
from schemas.roll_up import RollUp

log = structlog.get_logger(__name__)


class Ownership:
    """Of the partitions of all topics of one group: `follower` is one of `sms.dlr.gathered`."""

    def __init__(self, follower: TopicFollower, memory: Memory, gatherer: Gatherer, limit_seconds: float) -> None:
        self._follower = follower
        self._memory = memory
        self._gatherer = gatherer
        self._limit_seconds = limit_seconds

    async def assigned(self, committed: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Make the memory anew. Raises `BrokerUnreachable`."""
        # What is still being written belongs to it.
        async with self._gatherer.settling:
            self._memory.forget_all()
            partitions = {place.partition for place in committed}
            self._follower.turn_to(partitions)
            if not partitions:
                self._follower.begin_at({})
                return
            ends = await self._follower.ends()
            self._follower.begin_at(await self._follower.begins())
            async for records in self._follower.read_to(ends, limit_seconds=self._limit_seconds):
                self._memory.keep(known_of(records))
            log.info("gathered_read", partitions=len(partitions), messages=len(self._memory))

    def begun(self, assignments: Mapping[TopicPartition, Assignment]) -> None:
        """Nothing is kept about what was begun: what comes again says nothing new."""

    def committed(self, place: TopicPartition, position: int) -> None:
        """Commits only say what need not come again."""

    def journal_end(self, partition: int) -> int | None:
        """There is no journal."""
        return None


def known_of(records: Iterable[ConsumerRecord]) -> Iterable[Kept]:
    """Yield what records of `sms.dlr.gathered` say; one that cannot be read leaves what was known."""
    for record in records:
        message_id = (record.key or b"").decode(errors="replace")
        try:
            known = None if record.value is None else RollUp.from_bytes(record.value)
        except ValidationError as error:  # nobody but this agent writes here
            log.error("gathered_unreadable", partition=record.partition, offset=record.offset, error=str(error))
            continue
        yield Kept(record.partition, message_id, known)
