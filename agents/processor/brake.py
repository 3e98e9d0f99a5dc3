"""Many records in a row that cannot be read do not fill the bin: from some number on only where they lie is kept.

One bad record is its producer's fault. Hundreds in a row are a producer that is newer than we are, or one that has
gone wrong, and their bytes lie in the topic anyway. Only that producer's records are kept so; nobody else's wait.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import structlog

from pipeline.dead_letters.brake import says_unreadable
from pipeline.dead_letters.letter import without_bytes
from schemas.record import InRecord, OutRecord, UnreadableBatch

log = structlog.get_logger(__name__)

LONGEST_NAME_BYTES: Final = 64  # a trunk's id has 36

IsTrunk = Callable[[str], bool]


class _Row(NamedTuple):
    """A partition, and the trunk in whose name its records come; None for all that name none that we know."""

    partition: int
    trunk_id: str | None


class _Held(NamedTuple):
    """Records that lie next to each other: the first one's offset, their size, and the letter of the last one."""

    first_offset: int
    size: int
    letter: OutRecord
    next_offset: int

    def to_letter(self) -> OutRecord:
        return without_bytes(self.letter, self.first_offset, self.size)


class Brake:
    """Lets `limit` records in a row of one producer in one partition be dead letters in full; 0: all.

    A record of which any submission could be read is a good one.
    """

    def __init__(self, limit: int, is_trunk: IsTrunk) -> None:
        self._limit = limit
        self._is_trunk = is_trunk
        self._rows: dict[_Row, int] = {}
        self._held: dict[_Row, _Held] = {}

    def let_through(self, record: InRecord, outputs: list[OutRecord]) -> list[OutRecord]:
        """Return what is to be written now of what `record` has caused; a partition's records come in order.

        What is held comes with `release`.
        """
        unreadable = is_unreadable(outputs)
        if not self._limit or not (unreadable or self._rows):
            return outputs
        row = _Row(record.partition, self._trunk_of(record.key))
        if not unreadable:
            self._rows.pop(row, None)
            return outputs
        length = self._rows[row] = self._rows.get(row, 0) + 1
        if length <= self._limit:
            return outputs
        if length == self._limit + 1:
            log.error(
                "dead_letter_brake", topic=record.topic, partition=record.partition, offset=record.offset,
                trunk_id=row.trunk_id, row=self._limit,
            )  # fmt: skip
        return self._hold(row, record, outputs[-1])

    def _hold(self, row: _Row, record: InRecord, letter: OutRecord) -> list[OutRecord]:
        first = record.value.first_offset if isinstance(record.value, UnreadableBatch) else record.offset
        before = self._held.get(row)
        follows = before is not None and before.next_offset == first
        begin, size = (before.first_offset, before.size) if before is not None and follows else (first, 0)
        self._held[row] = _Held(begin, size + len(record.value or b""), letter, record.offset + 1)
        return [] if before is None or follows else [before.to_letter()]

    def release(self) -> list[OutRecord]:
        """Return the letters of what is held; to be written before any of its records is acked."""
        held, self._held = self._held, {}
        return [it.to_letter() for it in held.values()]

    def _trunk_of(self, key: bytes | None) -> str | None:
        if key is None or len(key) > LONGEST_NAME_BYTES:
            return None
        name = key.decode(errors="replace")
        return name if self._is_trunk(name) else None


def is_unreadable(outputs: Sequence[OutRecord]) -> bool:
    """Tell from what a record causes whether nothing of it could be read."""
    return bool(outputs) and all(says_unreadable((it,)) for it in outputs)
