"""Where in a topic a moment lies."""

from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, TopicPartition


async def offsets_since(
    consumer: AIOKafkaConsumer, places: Collection[TopicPartition], moment_ms: int
) -> dict[TopicPartition, int]:
    """Return for each of `places` the offset of its first record that is not older than `moment_ms` (Unix time).

    Where there is none it is the partition's end, as it was before this was asked: a record that comes meanwhile is
    not passed over.
    """
    ends = await consumer.end_offsets(places)
    found = await consumer.offsets_for_times(dict.fromkeys(places, max(0, moment_ms)))
    return {place: end if (first := found.get(place)) is None else first.offset for place, end in ends.items()}
