"""Counts submitted records that cannot be read, and says where a row of them is too long to go on."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from pipeline.dead_letters.brake import UnreadableRow, brake_error, says_unreadable
from pipeline.errors import DeadLetterBrake
from schemas.causation import causation_of
from schemas.dead_letter import DeadLetterSource
from schemas.record import InRecord, OutRecord

RowBefore = Callable[[str, int, int, int], Awaitable[int]]
"""Says how many records of a topic's partition, right before an offset, are dead letters; no more than the last."""


class Stop(NamedTuple):
    """How many records of a batch may still go out, and the error that ends the process after them."""

    going_out: int
    error: DeadLetterBrake


class Brake:
    """Stops at `limit` records of a partition in a row that could not be read; 0: never.

    A record of which any submission could be read is a good one. Faust's commits carry nothing of ours, so after a
    start the dead letters themselves tell how long the row is; they are asked at the first bad record.
    """

    def __init__(self, limit: int, row_before: RowBefore) -> None:
        self._limit = limit
        self._row_before = row_before
        self._rows: dict[int, tuple[int, UnreadableRow]] = {}
        """By partition: the offset that comes next, and the row before it."""

    async def stop(self, records: Sequence[InRecord], caused: Sequence[OutRecord]) -> Stop | None:
        """Look at a batch, each partition in order, and at what it causes; None when all of it may go out."""
        if not self._limit:
            return None
        unreadable = {_source(it) for it in caused if says_unreadable((it,))}
        if not unreadable:
            self._rows |= {it.partition: (it.offset + 1, UnreadableRow(self._limit)) for it in records}
            return None
        for it in caused:
            if (causation := causation_of(it.headers)) is not None:
                unreadable.discard((causation.partition, causation.offset))
        began: dict[int, int] = {}
        for index, record in enumerate(records):
            place = (record.partition, record.offset)
            expected, row = self._rows.get(record.partition, (-1, UnreadableRow(self._limit)))
            if place in unreadable:
                began.setdefault(record.partition, index)
                if expected != record.offset:
                    before = await self._row_before(record.topic, record.partition, record.offset, self._limit)
                    row = UnreadableRow(self._limit, before)
            else:
                began.pop(record.partition, None)
            if row.count(record.offset, unreadable=place in unreadable):
                # Everything after the row's begin stays, also of other partitions: they come again.
                return Stop(began[record.partition], brake_error(record.topic, record.partition, row.length))
            self._rows[record.partition] = (record.offset + 1, row)
        return None


def _source(letter: OutRecord) -> tuple[int, int]:
    source = DeadLetterSource.from_headers(letter.headers)
    return source.partition, source.offset
