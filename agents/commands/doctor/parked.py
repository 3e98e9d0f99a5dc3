"""What is parked, for whom and since when: read from the parking topics, as an agent does that starts."""

import time
from collections import Counter
from contextlib import aclosing
from typing import Final, NamedTuple

from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings
from schemas.headers.parked import Parked

MOST_READ: Final = 500_000  # records of a topic; more would take minutes


class ParkedRecords(NamedTuple):
    """What waits in one parking topic: how many for each peer (a carrier's or a trunk's id), and the oldest's age.

    `complete` says whether all of the topic was read.
    """

    peers: Counter[str]
    oldest_seconds: float | None
    complete: bool


async def read_parked(kafka: KafkaSettings, topic: str, *, client_id: str, most_read: int = MOST_READ) -> ParkedRecords:
    """Read a parking topic. Raises `BrokerUnreachable`."""
    waiting: dict[bytes | None, tuple[str, int]] = {}
    complete = True
    async with aclosing(read_topic(kafka, topic, client_id=client_id)) as records:
        number = 0
        async for record in records:
            if number == most_read:
                complete = False
                break
            number += 1
            if record.value is None:
                waiting.pop(record.key, None)
                continue
            try:
                parked = Parked.from_record(record)
            except ValueError:
                continue  # whoever has the partition makes a dead letter of it
            waiting[record.key] = (parked.peer, parked.record.timestamp_ms)
    oldest_ms = min((at_ms for _, at_ms in waiting.values()), default=None)
    return ParkedRecords(
        Counter(peer for peer, _ in waiting.values()),
        None if oldest_ms is None else max(0.0, time.time() - oldest_ms / 1000),
        complete,
    )
