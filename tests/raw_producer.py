"""Writes batches that a test has made byte by byte, and damages what lies in a topic already."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest

_LENGTH_AT: Final = 8
_LOG_OVERHEAD: Final = 12


class RawProducer:
    """A connection to a broker that takes whole batches."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def write(self, topic: str, partition: int, batch: bytes) -> int | None:
        """Write a batch; return its first offset, None when the broker refuses it."""
        self._client.add_topic(topic)
        while (node := self._client.cluster.leader_for_partition(TopicPartition(topic, partition))) in (None, -1):
            await self._client.force_metadata_update()
        request = ProduceRequest(
            transactional_id=None, required_acks=-1, timeout=10_000, topics=[(topic, [(partition, batch)])]
        )
        answer = await self._client.send(node, request)
        ((_, ((_, error, offset, *_),)),) = answer.topics
        return None if error else int(offset)


@asynccontextmanager
async def raw_producer(bootstrap_servers: str) -> AsyncIterator[RawProducer]:
    """Connect for as long as the context lasts."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap_servers, client_id="raw-producer")
    await client.bootstrap()
    try:
        yield RawProducer(client)
    finally:
        await client.close()


def segments_of(data: Path, topic: str, partition: int) -> list[Path]:
    """Return the files of a partition of a stopped broker, the oldest first. `data` is the broker's folder."""
    return sorted((data / "logs" / f"{topic}-{partition}").glob("*.log"))


def batches_in(segment: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield for each batch its first offset, and where it begins and ends in the segment."""
    at = 0
    while at + _LOG_OVERHEAD <= len(segment):
        end = at + _LOG_OVERHEAD + int.from_bytes(segment[at + _LENGTH_AT : at + _LOG_OVERHEAD], "big")
        yield int.from_bytes(segment[at : at + _LENGTH_AT], "big"), at, end
        at = end
