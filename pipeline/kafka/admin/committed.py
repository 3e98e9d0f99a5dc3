"""What a consumer group has committed, with the metadata that a consumer cannot ask for itself."""

import asyncio
from collections.abc import Iterable

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from pipeline.errors import BrokerUnreachable
from pipeline.kafka.client import connection, start
from pipeline.settings import KafkaSettings


async def committed_by(
    kafka: KafkaSettings, group: str, places: Iterable[TopicPartition]
) -> dict[TopicPartition, OffsetAndMetadata | None]:
    """Return each place's committed offset and metadata, None where the group has committed nothing.

    Raises `BrokerUnreachable`, also when the broker knows no coordinator for `connect_timeout_seconds`.
    """
    asked = list(places)
    if not asked:
        return {}
    found = await _offsets(kafka, group, asked)
    return {place: found[place] if found[place].offset >= 0 else None for place in asked}


async def has_committed(kafka: KafkaSettings, group: str) -> bool:
    """Tell whether a group has committed anything, in whatever topics. Raises `BrokerUnreachable`."""
    return bool(await _offsets(kafka, group, None))


async def _offsets(
    kafka: KafkaSettings, group: str, asked: list[TopicPartition] | None
) -> dict[TopicPartition, OffsetAndMetadata]:
    admin = AIOKafkaAdminClient(**connection(kafka), client_id=f"{group}-committed", request_timeout_ms=10_000)
    try:
        await start(admin, kafka)
        deadline = asyncio.get_running_loop().time() + kafka.connect_timeout_seconds
        while True:
            problem: Exception | None = None
            try:
                found: dict[TopicPartition, OffsetAndMetadata] = await admin.list_consumer_group_offsets(
                    group, partitions=asked
                )
            except KafkaError as error:
                if not error.retriable:
                    raise
                problem, found = error, {}  # a broker that has just started may have no coordinator yet
            # A coordinator that is still loading answers with nothing at all, not even "no offset" (-1).
            if problem is None and all(place in found for place in asked or ()):
                return found
            if asyncio.get_running_loop().time() > deadline:
                raise BrokerUnreachable(f"the broker does not say what {group} has committed: {problem!r}")
            await asyncio.sleep(0.1)
    finally:
        await admin.close()
