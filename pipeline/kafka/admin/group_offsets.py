"""How far a group is with its topics, as the broker itself says; a consumer's own fetches may have stopped to tell."""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.errors import BrokerUnreachable
from pipeline.kafka.admin.committed import committed_by
from pipeline.kafka.admin.partitions import existing_partitions
from pipeline.kafka.client import reading, start, stop
from pipeline.settings import KafkaSettings

ANSWER_SECONDS = 20.0


class PartitionOffsets(NamedTuple):
    """A partition's first offset, the one after its last, and the one that the group goes on with, None at first."""

    begin: int
    end: int
    committed: int | None

    @property
    def position(self) -> int:
        """Where the group goes on, also after retention has overtaken it."""
        return self.begin if self.committed is None else max(self.begin, self.committed)

    @property
    def lag(self) -> int:
        """How many offsets are ahead. After a transaction one may be its marker, which is no record."""
        return max(0, self.end - self.position)


async def group_offsets(
    kafka: KafkaSettings, group: str, topics: Iterable[str], *, client_id: str
) -> dict[TopicPartition, PartitionOffsets]:
    """Return where `group` stands in every partition of `topics`; a topic that does not exist is left out.

    Raises `BrokerUnreachable`, also when the answer takes too long.
    """
    consumer = AIOKafkaConsumer(
        **reading(kafka), client_id=client_id,
        isolation_level="read_committed",
    )  # fmt: skip
    try:
        async with asyncio.timeout(kafka.connect_timeout_seconds + ANSWER_SECONDS):
            await start(consumer, kafka)
            places = await existing_partitions(consumer, topics)
            if not places:
                return {}
            # Before the ends: what is committed in between must not look like less than nothing.
            committed = await committed_by(kafka, group, places)
            begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    except (KafkaError, TimeoutError) as error:
        raise BrokerUnreachable(f"the broker does not say where {group} stands: {error!r}") from error
    finally:
        await stop(consumer)
    return {
        place: PartitionOffsets(begins[place], ends[place], None if known is None else known.offset)
        for place, known in committed.items()
    }
