"""Which partitions topics have."""

from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline.errors import BrokerUnreachable


async def existing_partitions(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> list[TopicPartition]:
    """Return all partitions of `topics`, in order; a topic that does not exist is left out.

    `consumer` is in no group. Afterwards one partition of each topic is assigned to it, and rests.
    """
    there = await consumer.topics()
    # A client learns the partitions of the topics that it reads; every topic has this one.
    firsts = [TopicPartition(topic, 0) for topic in sorted(set(topics) & there)]
    if not firsts:
        return []
    consumer.assign(firsts)
    consumer.pause(*firsts)
    await consumer.beginning_offsets(firsts)
    return [place for first in firsts for place in known_partitions(consumer, first.topic)]


def known_partitions(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    """Return what `consumer` knows of a topic that it reads; it hears of new ones within five minutes."""
    return [TopicPartition(topic, partition) for partition in sorted(consumer.partitions_for_topic(topic) or ())]


async def partitions_of(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    """Return all partitions of one topic, as `existing_partitions` does. Raises `BrokerUnreachable` without it."""
    if not (found := await existing_partitions(consumer, [topic])):
        raise BrokerUnreachable(f"the topic {topic} does not exist: run `smsout topics apply`")
    return found
