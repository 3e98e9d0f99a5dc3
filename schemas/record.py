"""A Kafka record as it lies in its topic, and one that is to be written."""

from typing import NamedTuple

Header = tuple[str, bytes]


class Coordinates(NamedTuple):
    """Where a record is."""

    topic: str
    partition: int
    offset: int


class InRecord(NamedTuple):
    """A record as it was read. `timestamp_ms` is its producer's time, or the broker's, by the topic's config."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]

    @property
    def coordinates(self) -> Coordinates:
        """Where it is."""
        return Coordinates(self.topic, self.partition, self.offset)


class OutRecord(NamedTuple):
    """A record to write. `partition` None places it by its key (`pipeline.kafka.producer.partition_of`)."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()
    partition: int | None = None
