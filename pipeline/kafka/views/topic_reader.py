"""Reads a stretch of a topic for somebody who asks: from a time or an offset to the end as it is now.

No group, nothing committed: whoever works on the topic does not notice. Records are given out as they come, so that a
long topic costs no memory.
"""

from collections.abc import AsyncGenerator, Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from pipeline.errors import BrokerUnreachable
from pipeline.kafka.producer import partition_of
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.settings import KafkaSettings
from schemas.record import InRecord


async def read_topic(
    kafka: KafkaSettings,
    topic: str,
    *,
    client_id: str,
    since: datetime | None = None,
    offsets: Mapping[int, int] | None = None,
    until: datetime | None = None,
    partitions: Collection[int] | None = None,
    key: bytes | None = None,
) -> AsyncGenerator[InRecord]:
    """Yield the records of `topic` up to its end as of now, in order within each partition.

    `offsets` says where to begin, by partition; where it says nothing, the first record that is not older than
    `since`; without either the oldest. `until` ends a partition where the first record that is not older lies:
    times within a partition need not be in order, so a caller to whom it matters asks for a little more on both sides
    and looks at each record. `partitions` None means all. With `key` only its records come, from the partition where
    `RecordProducer` puts them. Close it when you leave it early (`contextlib.aclosing`).

    Raises `BrokerUnreachable`: nobody answers, also in the middle, or there is no such topic.
    """
    follower = TopicFollower(kafka, topic, client_id=client_id, fetch_max_wait_ms=100)
    try:
        await follower.start()
        if key is not None:
            follower.narrow_to([partition_of(topic, key, len(follower.places))])
        if partitions is not None:
            follower.narrow_to(partitions)
        stretches = await _stretches(follower, since, offsets or {}, until)
        follower.begin_at({it.place: it.begin for it in stretches})
        for place, _, end in stretches:  # one after the other; those that come later are fetched meanwhile
            async for records in follower.read_to({place: end}, limit_seconds=kafka.connect_timeout_seconds):
                for it in records:
                    if it.offset < end and (key is None or it.key == key):
                        yield it
    except KafkaError as error:
        raise BrokerUnreachable(f"the broker does not give out {topic}: {error!r}") from error
    finally:
        await follower.stop()


class _Stretch(NamedTuple):
    """What is to be read of a partition: from `begin` to before `end`."""

    place: TopicPartition
    begin: int
    end: int


async def _stretches(
    follower: TopicFollower, since: datetime | None, offsets: Mapping[int, int], until: datetime | None
) -> list[_Stretch]:
    """Find where each partition begins and ends; those without anything in between are left out."""
    oldest, ends = await follower.begins(), await follower.ends()
    begins = oldest | await _at(follower, since)
    begins |= {it: max(oldest[it], offsets[it.partition]) for it in oldest if it.partition in offsets}
    ends |= {place: min(ends[place], offset) for place, offset in (await _at(follower, until)).items()}
    return [_Stretch(place, begins[place], ends[place]) for place in ends if begins[place] < ends[place]]


async def _at(follower: TopicFollower, moment: datetime | None) -> dict[TopicPartition, int]:
    """Return for each partition the first record that is not older than `moment`; nothing when that is None."""
    return {} if moment is None else await follower.since(moment.timestamp() * 1000)
