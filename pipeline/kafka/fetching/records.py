"""The records of one partition's fetch, in the place of aiokafka's `PartitionRecords`. It never raises, and moves on.

A batch that cannot be read is logged and comes as one record (`UnreadableBatch`). Its end is known from its header,
or, where that cannot be believed, from what follows.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import structlog
from aiokafka import TopicPartition
from aiokafka.record.control_record import ABORT_MARKER, ControlRecord

from pipeline.kafka.fetching.batch import HEADER_BYTES, Batch, Record
from pipeline.kafka.fetching.legacy import MIN_BYTES, LegacyBatch
from pipeline.kafka.fetching.unpacking import Undecodable
from schemas.record import Header, InRecord, UnreadableBatch

log = structlog.get_logger(__name__)

READ_COMMITTED: Final = 1  # as aiokafka has it
_LOG_OVERHEAD: Final = 12  # offset and length: what every message format begins with
_MAGIC_AT: Final = 16
_SHORTEST: Final = 17
_NO_TIME: Final = -1
_REMEMBERED: Final = 1000

_looked_at: set[tuple[TopicPartition, int]] = set()
"""Where a checksum was wrong once: memory or a wire can fail too, so the batch is asked for again."""


class FetchedBytes:
    """What a fetch has brought of a partition, in the place of aiokafka's `MemoryRecords`."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def has_next(self) -> bool:
        """Tell whether there is anything at all; what it is says `FetchedRecords`."""
        return bool(self.data)

    def size_in_bytes(self) -> int:
        """Return how much there is."""
        return len(self.data)


class FetchedRecords:
    """Iterates over the records from `fetch_offset` on, those of aborted transactions left out if so asked."""

    def __init__(
        self,
        tp: TopicPartition,
        records: FetchedBytes,
        aborted_transactions: Sequence[tuple[int, int]] | None,
        fetch_offset: int,
        key_deserializer: None,
        value_deserializer: None,
        check_crcs: bool,
        isolation_level: int,
    ) -> None:
        if key_deserializer is not None or value_deserializer is not None:
            raise TypeError("records are handed out as bytes")
        self._place = tp
        self._data = memoryview(records.data)
        self._aborted = sorted(aborted_transactions or (), key=lambda it: it[1], reverse=True)
        self._aborted_producers: set[int] = set()
        self._check_crcs = check_crcs
        self._is_committed = isolation_level == READ_COMMITTED
        self.next_fetch_offset = fetch_offset
        """Where to go on: read by aiokafka after each record."""
        self.end: int | None = None
        """The partition's end (its high watermark), if known: no damaged header leads beyond it."""
        self._records = self._all()

    def __iter__(self) -> Iterator[InRecord]:
        return self._records

    def __next__(self) -> InRecord:
        return next(self._records)

    def _all(self) -> Iterator[InRecord]:
        data, size, at, begun_at = self._data, len(self._data), 0, self.next_fetch_offset
        while size - at >= _SHORTEST:
            end = at + _LOG_OVERHEAD + int.from_bytes(data[at + 8 : at + _LOG_OVERHEAD], "big", signed=True)
            least = HEADER_BYTES if data[at + _MAGIC_AT] >= 2 else MIN_BYTES
            if end - at < least or end > size:
                break
            batch = Batch(data[at:end]) if least == HEADER_BYTES else LegacyBatch(data[at:end])
            if damage := self._damage(batch, end):
                if self._shall_look_again():
                    return
                last = self._last_of_damaged(batch, end)
                yield self._unreadable(data[at:end], last, batch.timestamp, "damaged-batch", damage)
            else:
                if not self._is_aborted(batch) and not batch.is_control:
                    yield from self._of(batch, data[at:end])
                self.next_fetch_offset = max(self.next_fetch_offset, batch.last_offset + 1)
            at = end
        # Nothing but a beginning, though a broker always gives out a whole batch: its length is damaged.
        if self.next_fetch_offset == begun_at and size and not self._shall_look_again():
            detail = "no batch can be told from what the broker gives out"
            yield self._unreadable(data, begun_at, _NO_TIME, "damaged-batch", detail)

    def _damage(self, batch: Batch | LegacyBatch, end: int) -> str | None:
        """Say what is wrong with a batch as it lies in the topic. Its first offset is not part of the checksum."""
        if self._check_crcs and not batch.is_whole():
            return "the checksum is wrong: the broker's copy is damaged"
        is_beyond = self.end is not None and batch.last_offset >= self.end
        # What is read already may come again; but then what comes behind it goes on from there.
        is_before = batch.last_offset < self.next_fetch_offset < (self._begin_at(end) or 0)
        if is_beyond or is_before:
            return "it says of itself that it lies elsewhere: the broker's copy is damaged"
        return None

    def _begin_at(self, at: int) -> int | None:
        """Return the first offset of the batch that begins at a place of the data, None where there is none."""
        if len(self._data) - at < _LOG_OVERHEAD:
            return None
        return int.from_bytes(self._data[at : at + 8], "big", signed=True)

    def _of(self, batch: Batch | LegacyBatch, data: memoryview) -> Iterator[InRecord]:
        try:
            try:
                yield from self._rising(batch, batch.records())
            except Undecodable:
                raise
            except Exception:  # noqa: BLE001  # most likely a header's name that is not UTF-8
                yield from self._rising(batch, batch.exact())
        except Undecodable as error:
            why = error
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not end who reads
            why = Undecodable("undecodable-batch", type(error).__name__)
        else:
            return
        if self.next_fetch_offset <= batch.last_offset:
            yield self._unreadable(data, batch.last_offset, batch.timestamp, why.reason, why.detail)

    def _rising(self, batch: Batch | LegacyBatch, records: Iterable[Record]) -> Iterator[InRecord]:
        before, last = -1, batch.last_offset
        topic, partition = self._place
        for record in records:
            offset = record.offset
            if not before < offset <= last:
                raise Undecodable("undecodable-batch", "the offsets of its records do not rise")
            before = offset
            if offset >= self.next_fetch_offset:
                self.next_fetch_offset = offset + 1
                timestamp, headers = record.timestamp, record.headers
                yield InRecord(
                    topic,
                    partition,
                    offset,
                    _NO_TIME if timestamp is None else timestamp,
                    record.key,
                    record.value,
                    _without_nulls(headers) if headers else (),
                )

    def _unreadable(self, data: memoryview, last_offset: int, timestamp: int, reason: str, detail: str) -> InRecord:
        first = self.next_fetch_offset
        last = max(first, last_offset if self.end is None else min(last_offset, self.end - 1))
        log.error(
            "batch_unreadable", topic=self._place.topic, partition=self._place.partition, offset=first,
            last_offset=last, reason=reason, detail=detail,
        )  # fmt: skip
        self.next_fetch_offset = last + 1
        value = UnreadableBatch(bytes(data), first_offset=first, reason=reason, detail=detail)
        return InRecord(self._place.topic, self._place.partition, last, timestamp, None, value, ())

    def _shall_look_again(self) -> bool:
        look = (self._place, self.next_fetch_offset)
        if look in _looked_at:
            _looked_at.discard(look)
            return False
        if len(_looked_at) >= _REMEMBERED:
            _looked_at.clear()
        _looked_at.add(look)
        return True

    def _last_of_damaged(self, batch: Batch | LegacyBatch, end: int) -> int:
        """Return the last offset of a batch whose header may be wrong; it is the smallest of what speaks for one."""
        first = self.next_fetch_offset
        last: int = first + max(0, min(batch.last_delta, batch.count - 1))
        next_begin = self._begin_at(end)
        if next_begin is not None and first < next_begin and (self.end is None or next_begin <= self.end):
            return next_begin - 1
        return last

    def _is_aborted(self, batch: Batch | LegacyBatch) -> bool:
        if not self._is_committed or batch.producer_id < 0:
            return False
        while self._aborted and self._aborted[-1][1] <= batch.last_offset:
            self._aborted_producers.add(self._aborted.pop()[0])
        if batch.is_control and _is_abort_marker(batch):
            self._aborted_producers.discard(batch.producer_id)
        return batch.is_transactional and batch.producer_id in self._aborted_producers


def _is_abort_marker(batch: Batch | LegacyBatch) -> bool:
    try:
        return any(ControlRecord.parse(it.key or b"") == ABORT_MARKER for it in batch.records())
    except Exception:  # noqa: BLE001  # no marker that anybody knows
        return False


def _without_nulls(headers: Sequence[tuple[str, bytes | None]]) -> tuple[Header, ...]:
    """Take a header without a value for one with an empty value: who reads headers need not know of both."""
    return tuple([(name, b"" if content is None else content) for name, content in headers])
