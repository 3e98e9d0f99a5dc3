"""Reads a stretch of a topic for somebody who asks: from a time or an offset to the end as it is now.

No group, nothing committed: whoever works on the topic does not notice. Records are given out as they come, so that a
long topic costs no memory.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.errors import BrokerUnreachable
from pipeline.kafka.client import reading, start, stop
from pipeline.kafka.offsets_since import offsets_since
from pipeline.kafka.producer import partition_of
from pipeline.settings import KafkaSettings
from schemas.record import InRecord

RECORDS_AT_ONCE: Final = 1000


async def read_topic(
    kafka: KafkaSettings,
    topic: str,
    *,
    client_id: str,
    since: datetime | None = None,
    offsets: Mapping[int, int] | None = None,
    until: datetime | None = None,
    partitions: Iterable[int] | None = None,
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
    consumer = AIOKafkaConsumer(
        **reading(kafka),
        client_id=client_id,
        auto_offset_reset="earliest",  # retention may overtake us
        isolation_level=kafka.read_isolation,
        fetch_max_wait_ms=100,
    )
    try:
        await start(consumer, kafka)
        try:
            places = await _places(consumer, topic, partitions, key)
            stretches = await _stretches(consumer, places, since, offsets or {}, until)
            consumer.assign([it.place for it in stretches])
            for stretch in stretches:
                consumer.seek(stretch.place, stretch.begin)
            for stretch in stretches:  # one after the other; those that come later are fetched meanwhile
                async for record in _read(consumer, stretch, kafka.connect_timeout_seconds):
                    if key is None or record.key == key:
                        yield record
        except KafkaError as error:
            raise BrokerUnreachable(f"the broker does not give out {topic}: {error!r}") from error
    finally:
        await stop(consumer)


class _Stretch(NamedTuple):
    """What is to be read of a partition: from `begin` to before `end`."""

    place: TopicPartition
    begin: int
    end: int


async def _places(
    consumer: AIOKafkaConsumer, topic: str, partitions: Iterable[int] | None, key: bytes | None
) -> list[TopicPartition]:
    if topic not in await consumer.topics():
        raise BrokerUnreachable(f"the topic {topic} does not exist: run `smsout topics apply`")
    # A client learns the partitions of the topics that it reads; every topic has this one.
    first = TopicPartition(topic, 0)
    consumer.assign([first])
    consumer.pause(first)
    await consumer.beginning_offsets([first])
    wanted = consumer.partitions_for_topic(topic) or set()
    if key is not None:
        wanted = {partition_of(topic, key, len(wanted))}
    if partitions is not None:
        wanted = set(partitions) & wanted
    return [TopicPartition(topic, partition) for partition in sorted(wanted)]


async def _stretches(
    consumer: AIOKafkaConsumer,
    places: list[TopicPartition],
    since: datetime | None,
    offsets: Mapping[int, int],
    until: datetime | None,
) -> list[_Stretch]:
    """Find where each partition begins and ends; those without anything in between are left out."""
    oldest = await consumer.beginning_offsets(places)
    ends = await consumer.end_offsets(places)
    begins = oldest | await _at(consumer, places, since)
    begins |= {place: max(oldest[place], offsets[place.partition]) for place in places if place.partition in offsets}
    ends |= {place: min(ends[place], offset) for place, offset in (await _at(consumer, places, until)).items()}
    return [_Stretch(place, begins[place], ends[place]) for place in places if begins[place] < ends[place]]


async def _at(
    consumer: AIOKafkaConsumer, places: list[TopicPartition], moment: datetime | None
) -> dict[TopicPartition, int]:
    """Return for each partition the first record that is not older than `moment`; nothing when that is None."""
    return {} if moment is None else await offsets_since(consumer, places, int(moment.timestamp() * 1000))


async def _read(consumer: AIOKafkaConsumer, stretch: _Stretch, limit_seconds: float) -> AsyncGenerator[InRecord]:
    place, position, end = stretch
    moved_at = asyncio.get_running_loop().time()
    answered_at: int | None = None
    is_last_look = False
    # Transaction markers take offsets too, so the position counts, not the last record's offset.
    while position < end:
        fetched = await consumer.getmany(place, timeout_ms=100, max_records=RECORDS_AT_ONCE)
        for it in fetched.get(place, ()):
            if it.offset < end:
                yield InRecord(it.topic, it.partition, it.offset, it.timestamp, it.key, it.value, tuple(it.headers))
        before, position = position, await consumer.position(place)
        now = asyncio.get_running_loop().time()
        if position > before:
            moved_at, answered_at, is_last_look = now, None, False
            continue
        if is_last_look:
            return
        # Compaction can leave nothing at all between the last record and the end. The broker then answers one fetch
        # after the other with nothing, although its stable offset says that it holds nothing back.
        last, stable = consumer.last_poll_timestamp(place), consumer.last_stable_offset(place)
        if answered_at is None or last is None:
            answered_at = last
        elif last > answered_at and stable is not None and stable >= end:
            is_last_look = True  # something may have come together with the time-out
        elif now - moved_at > limit_seconds:
            raise BrokerUnreachable(f"the broker has stopped giving out {place.topic}")
