"""A Kafka record: as it lies in its topic, as it is to be written, and the base of the models that are its value.

A value says which version of its shape it has (`schema_version`). A reader accepts the versions it knows.
Additive changes (a new optional attribute) keep the version; a change of meaning raises it, and a reader that does
not know the new version refuses the record instead of guessing.
"""

import re
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationError

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


class WireModel(BaseModel):
    """A value that travels: immutable, strictly parsed, unknown attributes ignored so that versions can roll."""

    # An error says what is wrong with an input, not what it was: its text goes to logs, and message text must not.
    # Most strings are in one record alone: to look for them in a cache costs a tenth of the parsing.
    model_config = ConfigDict(
        frozen=True, strict=True, extra="ignore", hide_input_in_errors=True, cache_strings="keys", defer_build=True
    )


class Record(WireModel):
    """A `WireModel` that is the value of a Kafka record."""

    def to_bytes(self) -> bytes:
        """Return the record's value: compact JSON in UTF-8, absent attributes left out."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)

    @classmethod
    def from_bytes(cls, value: bytes) -> Self:
        """Parse a record's value.

        Raises `pydantic.ValidationError` for anything that is not this model in a known version.
        """
        return cls.model_validate_json(value)


def later_version(error: ValidationError) -> int | None:
    """Return the version of a record that was refused because this version of the program is older than it."""
    for part in error.errors(include_url=False):
        found = part["input"]
        if part["loc"][-1:] == ("schema_version",) and type(found) is int:
            known = [int(it) for it in re.findall(r"\d+", str(part.get("ctx", {}).get("expected", "")))]
            if known and found > max(known):
                return found
    return None


def json_object(model: WireModel) -> dict[str, Any]:
    """Return `model` as plain JSON types, absent attributes left out (for YAML export and logs)."""
    return model.model_dump(mode="json", exclude_none=True)
