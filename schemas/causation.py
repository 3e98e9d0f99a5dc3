"""Which submitted record a record was made from, so that a repetition of it can be told.

The processor writes what a record causes before it acks the record; killed in between, it does so again. What it
writes to one partition comes in the order of what it reads from one partition, so a record whose origin is not beyond
the highest one seen is a repetition. That takes one origin per pair of partitions to know, however much passes.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Self

HEADER: Final = "origin"
METADATA_LIMIT: Final = 3000  # characters; the broker takes 4096 with each committed offset


class Origin(NamedTuple):
    """A place in `sms.mt.submitted`, which of the record's consequences this is, and the broker's time for it."""

    partition: int
    offset: int
    consequence: int
    at_ms: int

    def header(self) -> tuple[str, bytes]:
        """Return it as a Kafka header."""
        return HEADER, str(self).encode()

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}:{self.consequence}:{self.at_ms}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one. Raises `ValueError`."""
        return cls(*map(int, text.split(":", 3)))

    def repeats(self, seen: "Origin | None") -> bool:
        """Tell whether `seen`, the highest one of the same partition, covers it.

        A lower offset with a later time is no repetition: the topic has been made anew and counts from 0 again.
        """
        return (
            seen is not None
            and (self.offset, self.consequence) <= (seen.offset, seen.consequence)
            and self.at_ms <= seen.at_ms
        )


def origin_of(headers: Iterable[tuple[str, bytes]]) -> Origin | None:
    """Return the origin that a record's headers name; None when they name none, or something unreadable."""
    for name, value in headers:
        if name == HEADER:
            try:
                return Origin.parse(value.decode())
            except (ValueError, TypeError):
                return None
    return None


def to_metadata(origins: Mapping[int, Origin]) -> str:
    """Return origins as text for a commit; of more than fit, the latest, which are the ones that may come again."""
    text = ""
    for origin in sorted(origins.values(), key=lambda it: it.at_ms, reverse=True):
        longer = f"{text},{origin}" if text else str(origin)
        if len(longer) > METADATA_LIMIT:
            break
        text = longer
    return text


def from_metadata(text: str) -> dict[int, Origin]:
    """Read `to_metadata`'s text back; what cannot be read counts as not known."""
    origins: dict[int, Origin] = {}
    for part in text.split(",") if text else ():
        try:
            origin = Origin.parse(part)
        except (ValueError, TypeError):
            continue
        origins[origin.partition] = origin
    return origins
