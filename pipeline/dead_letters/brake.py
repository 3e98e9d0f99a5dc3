"""Too many records in a row that cannot be read stop an agent, instead of emptying a topic into the bin.

One bad record is its producer's fault. Hundreds without a good one in between are more likely ours: a reader that is
older than what it reads, a wrong topic. Dead letters can be replayed, but nobody should have to replay a million. So it
is in the pipeline's own topics; in the public one nobody may stop others (agents/processor/brake.py).
"""

from collections.abc import Iterable
from typing import Final

from pipeline.errors import DeadLetterBrake
from schemas.headers.dead_letter import PREFIX
from schemas.record import Header, OutRecord
from schemas.topics import DEAD_LETTER_SUFFIX

UNREADABLE: Final = frozenset({
    b"empty-record", b"malformed-json", b"schema-violation", b"oversized-record", b"internal-error",
    b"damaged-batch", b"undecodable-batch", b"oversized-batch", b"unknown-codec",
})  # fmt: skip
"""Reasons that say a record could not be read; a record with another one was read, and its end was decided."""

_REASON: Final = f"{PREFIX}reason"


class UnreadableRow:
    """How many records of a partition could not be read, right before the place that it has come to.

    `limit` is how many are too many (0: any number may be), `length` how many they were before.
    """

    def __init__(self, limit: int, length: int = 0) -> None:
        self.limit = limit
        self.length = length
        self.began: int | None = None
        """The offset of the row's first record that was counted here."""

    def count(self, offset: int, *, unreadable: bool) -> bool:
        """Count the next record; True when the row has become too long."""
        if not unreadable:
            self.length, self.began = 0, None
            return False
        if self.began is None:
            self.began = offset
        self.length += 1
        return 0 < self.limit <= self.length


def is_unreadable(headers: Iterable[Header]) -> bool:
    """Tell from a dead letter's headers whether its record could not be read."""
    return any(name == _REASON and value in UNREADABLE for name, value in headers)


def says_unreadable(outbox: Iterable[OutRecord]) -> bool:
    """Tell whether what follows from a record says that it could not be read."""
    return any(it.topic.endswith(DEAD_LETTER_SUFFIX) and is_unreadable(it.headers) for it in outbox)


def brake_error(topic: str, partition: int, row: int) -> DeadLetterBrake:
    """Return the error, which says the ways out."""
    return DeadLetterBrake(
        f"{row} records of {topic}-{partition} in a row cannot be read; see `smsout dead-letters list`. To make dead "
        "letters of the others as well, raise SMSOUT_DEAD_LETTER_BRAKE or set it to 0 until they are through"
    )
