"""Which submitted record a record was made from, so that a repetition of it can be told.

The processor writes what a record causes before it acks the record; killed in between, it does so again. What it
writes to one partition comes in the order of what it reads from one partition, so a record whose causation is not
beyond the highest one seen is a repetition. That takes one per pair of partitions to know, however much passes.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Self

HEADER: Final = "origin"  # its name on the wire
METADATA_LIMIT: Final = 3000  # characters; the broker takes 4096 with each committed offset


class Causation(NamedTuple):
    """A submitted record, which of its consequences this is, and the broker's time for it."""

    partition: int
    offset: int
    consequence: int
    at_ms: int

    def header(self) -> tuple[str, bytes]:
        """Return it as a Kafka header."""
        return HEADER, b"%d:%d:%d:%d" % self

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}:{self.consequence}:{self.at_ms}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one. Raises `ValueError`."""
        return cls(*map(int, text.split(":", 3)))

    def repeats(self, seen: "Causation | None") -> bool:
        """Tell whether `seen`, the highest one of the same partition, covers it.

        A lower offset with a later time is no repetition: the topic has been made anew and counts from 0 again.
        """
        return (
            seen is not None
            and (self.offset, self.consequence) <= (seen.offset, seen.consequence)
            and self.at_ms <= seen.at_ms
        )


def causation_of(headers: Iterable[tuple[str, bytes]]) -> Causation | None:
    """Return what a record's headers say it was made from; None when they say nothing, or something unreadable."""
    for name, value in headers:
        if name == HEADER:
            try:
                return Causation.parse(value.decode())
            except (ValueError, TypeError):
                return None
    return None


def to_metadata(causations: Mapping[int, Causation]) -> str:
    """Return them as text for a commit; of more than fit, the latest, which are the ones that may come again."""
    text = ""
    for causation in sorted(causations.values(), key=lambda it: it.at_ms, reverse=True):
        longer = f"{text},{causation}" if text else str(causation)
        if len(longer) > METADATA_LIMIT:
            break
        text = longer
    return text


def from_metadata(text: str) -> dict[int, Causation]:
    """Read `to_metadata`'s text back; what cannot be read counts as not known."""
    causations: dict[int, Causation] = {}
    for part in text.split(",") if text else ():
        try:
            causation = Causation.parse(part)
        except (ValueError, TypeError):
            continue
        causations[causation.partition] = causation
    return causations
