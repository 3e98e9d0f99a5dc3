"""A Kafka record as it lies in its topic, and one that is to be written."""

from typing import NamedTuple, Self

Header = tuple[str, bytes]


class Coordinates(NamedTuple):
    """Where a record is."""

    topic: str
    partition: int
    offset: int


class UnreadableBatch(bytes):
    """The value of a record that stands for all records of a batch, or for those from `first_offset` on.

    The batch could not be read as such: its checksum is wrong, or it cannot be unpacked. The bytes are the batch as it
    lies in the topic, the record's offset is the batch's last one. No producer can write one: it is told by its type.
    `reason` is a stable code; `detail` is for people.
    """

    first_offset: int
    reason: str
    detail: str

    def __new__(cls, batch: bytes, *, first_offset: int, reason: str, detail: str) -> Self:
        """Make one."""
        made = super().__new__(cls, batch)
        made.first_offset, made.reason, made.detail = first_offset, reason, detail
        return made


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
