"""How many records right before an offset are dead letters: what a row was that an earlier life has begun."""

from contextlib import aclosing
from typing import Final

from pipeline.dead_letters.brake import is_unreadable
from pipeline.kafka.admin.group_offsets import group_offsets
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings
from schemas.dead_letter import DeadLetterSource
from schemas.topics import dead_letter_topic

LETTERS_PER_RECORD: Final = 50  # an array's bad elements are a dead letter each: so far back is looked


async def unreadable_before(kafka: KafkaSettings, topic: str, partition: int, offset: int, most: int) -> int:
    """Return how many records of `topic`'s partition right before `offset` could not be read, `most` at most.

    Raises `BrokerUnreachable`.
    """
    letters = dead_letter_topic(topic)
    found = await group_offsets(kafka, "sms-dead-letters", [letters], client_id="dead-letter-brake")
    begins = {place.partition: max(it.begin, it.end - most * LETTERS_PER_RECORD) for place, it in found.items()}
    offsets: set[int] = set()
    async with aclosing(read_topic(kafka, letters, client_id="dead-letter-brake", offsets=begins)) as records:
        async for record in records:
            if not is_unreadable(record.headers):
                continue
            try:
                source = DeadLetterSource.from_headers(record.headers)
            except (KeyError, ValueError):
                continue
            if (source.topic, source.partition) == (topic, partition):
                offsets.add(source.offset)
    row = 0
    while row < most and offset - row - 1 in offsets:
        row += 1
    return row
