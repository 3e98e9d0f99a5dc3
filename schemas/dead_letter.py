"""Where a refused record came from.

A dead letter's value and key are the original bytes, so that it can be read by any tool and replayed as it was;
what we know about it travels in headers.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple, Self

PREFIX: Final = "dead-letter-"

# A refusal can have a lot to say about a large record; its headers must still fit beside the record's own bytes.
MAX_DETAIL_CHARACTERS: Final = 2000


class DeadLetterSource(NamedTuple):
    """Coordinates of the original record, the stage that refused it, and why.

    `reason` is a stable code (pipeline/errors.py); `detail` is for people and never holds message text.
    `element` is set when only one submission of a record's array was refused: the value then is that submission.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    stage: str
    reason: str
    detail: str
    element: int | None = None

    def to_headers(self) -> list[tuple[str, bytes]]:
        """Return Kafka headers, one for each field that is set; an overlong `detail` is cut."""
        short = self._replace(detail=self.detail[:MAX_DETAIL_CHARACTERS])
        return [
            (PREFIX + name.replace("_", "-"), str(value).encode(errors="backslashreplace"))
            for name, value in short._asdict().items()
            if value is not None
        ]

    @classmethod
    def from_headers(cls, headers: tuple[tuple[str, bytes], ...]) -> Self:
        """Read them back. Raises `KeyError` or `ValueError` when the record is no dead letter of ours."""
        found = {
            name.removeprefix(PREFIX).replace("-", "_"): value.decode(errors="replace")
            for name, value in headers
            if name.startswith(PREFIX)
        }
        return cls(
            topic=found["topic"],
            partition=int(found["partition"]),
            offset=int(found["offset"]),
            timestamp_ms=int(found["timestamp_ms"]),
            stage=found["stage"],
            reason=found["reason"],
            detail=found["detail"],
            element=int(found["element"]) if "element" in found else None,
        )

    @property
    def recorded_at(self) -> datetime | None:
        """When the original record was written, None where its producer wrote a time that no calendar has."""
        try:
            return datetime.fromtimestamp(self.timestamp_ms / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            return None


class Settled(StrEnum):
    """What an operator has done with a dead letter."""

    REPLAYING = "replaying"
    REPLAYED = "replayed"
    DROPPED = "dropped"


class Settlement(NamedTuple):
    """A marker in a dead-letter topic: what became of the letter at `offset`. Its record has no key and no value."""

    offset: int
    action: Settled
    at_ms: int

    def to_headers(self) -> tuple[tuple[str, bytes], ...]:
        """Return Kafka headers."""
        return tuple((f"{PREFIX}settled-{name.replace('_', '-')}", str(it).encode()) for name, it in zip(
            self._fields, self, strict=True))  # fmt: skip

    @classmethod
    def from_headers(cls, headers: tuple[tuple[str, bytes], ...]) -> Self:
        """Read them back. Raises `KeyError` or `ValueError` when the record is no marker of ours."""
        found = {name.removeprefix(PREFIX): value.decode(errors="replace") for name, value in headers}
        return cls(
            int(found["settled-offset"]), Settled(found["settled-action"]), int(found["settled-at-ms"])
        )  # fmt: skip
