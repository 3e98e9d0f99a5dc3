"""Where a refused record came from.

A dead letter's value and key are the original bytes, so that it can be read by any tool and replayed as it was;
what we know about it travels in headers.
"""

from enum import StrEnum
from typing import Final, NamedTuple, Self

PREFIX: Final = "dead-letter-"

# A refusal can have a lot to say about a large record; its headers must still fit beside the record's own bytes.
MAX_DETAIL_CHARACTERS: Final = 2000


class DeadLetterSource(NamedTuple):
    """Coordinates of the original record, the stage that refused it, and why.

    `reason` is a stable code (pipeline/errors.py); `detail` is for people and never holds message text.
    `element` is set when only one submission of a record's array was refused: the value then is that submission.
    `first_offset` is set when the letter stands for all records from there to `offset`. `value_size`, `key_size` and
    `headers_left_out` are set when a part of the record did not fit: how large it was, in bytes, and how many there are
    more.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    stage: str
    reason: str
    detail: str
    element: int | None = None
    first_offset: int | None = None
    value_size: int | None = None
    key_size: int | None = None
    headers_left_out: int | None = None

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
        found = _ours(headers)
        numbers = {
            name: int(found[name])
            for name in ("element", "first_offset", "value_size", "key_size", "headers_left_out")
            if name in found
        }
        return cls(
            topic=found["topic"],
            partition=int(found["partition"]),
            offset=int(found["offset"]),
            timestamp_ms=int(found["timestamp_ms"]),
            stage=found["stage"],
            reason=found["reason"],
            detail=found["detail"],
            **numbers,
        )


def _ours(headers: tuple[tuple[str, bytes], ...]) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX).replace("-", "_"): value.decode(errors="replace")
        for name, value in headers
        if name.startswith(PREFIX)
    }


class Settled(StrEnum):
    """What an operator has done with a dead letter."""

    REPLAYING = "replaying"
    REPLAYED = "replayed"
    DROPPED = "dropped"


class Settlement(NamedTuple):
    """A marker in a dead-letter topic: what became of the letter at `offset`.

    Its record has no key, no value and no header beside these three. A producer cannot write one: what its record
    becomes has the headers of `DeadLetterSource` beside its own, and of its own none that begins with `PREFIX`.
    """

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
        found = _ours(headers)
        if len(headers) != len(cls._fields):
            raise ValueError(f"{len(headers)} headers are not those of a marker")
        return cls(int(found["settled_offset"]), Settled(found["settled_action"]), int(found["settled_at_ms"]))
