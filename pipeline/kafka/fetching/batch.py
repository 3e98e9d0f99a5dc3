"""One batch of message format 2: what its header says, whether its checksum is right, and its records.

Layout: https://kafka.apache.org/documentation/#recordbatch
"""

from collections.abc import Iterable, Iterator, Sequence
from struct import Struct
from typing import Any, Final, NamedTuple

from aiokafka.record.default_records import DefaultRecordBatch

from pipeline.kafka.fetching.unpacking import CODEC_MASK, Undecodable, unpack

HEADER_BYTES: Final = 61
_ATTRIBUTES_AT: Final = 21
# Attributes, last offset delta, first and largest timestamp, producer id, epoch and sequence, number of records.
_FIELDS: Final = Struct(">hiqqqhii")
_TIMESTAMP_TYPE: Final = 0x08
_TRANSACTIONAL: Final = 0x10
_CONTROL: Final = 0x20
_INT64: Final = 1 << 63


class Record(NamedTuple):
    """A record as it lies in a batch, or what aiokafka makes of one; in message format 0 there are no timestamps."""

    offset: int
    timestamp: int | None
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Batch:
    """`data` is the whole batch, of at least `HEADER_BYTES`."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._compiled: Any = DefaultRecordBatch(data)
        self.base_offset = int.from_bytes(data[:8], "big", signed=True)
        (
            self.attributes, self.last_delta, self.first_timestamp, self.timestamp, self.producer_id, _, _, self.count
        ) = _FIELDS.unpack_from(data, _ATTRIBUTES_AT)  # fmt: skip
        self.last_offset = self.base_offset + self.last_delta
        self.timestamp_type = 1 if self.attributes & _TIMESTAMP_TYPE else 0
        self.is_transactional = bool(self.attributes & _TRANSACTIONAL)
        self.is_control = bool(self.attributes & _CONTROL)

    def is_whole(self) -> bool:
        """Tell whether the checksum is right."""
        return bool(self._compiled.validate_crc())

    def records(self) -> Iterable[Any]:
        """Return the records (like `Record`) in their order, as aiokafka reads them.

        Any error may end that; `exact` may do better. Raises `Undecodable`.
        """
        if codec := self.attributes & CODEC_MASK:
            self._data = self._unpacked(codec)
            self._compiled = DefaultRecordBatch(self._data)
        records: Iterable[Any] = self._compiled
        return records

    def exact(self) -> Iterator[Record]:
        """Iterate over what `records` has come from once more, and take header names as they come.

        aiokafka takes none that are not UTF-8. Raises `Undecodable`.
        """
        data = self._data
        try:
            at = HEADER_BYTES
            for _ in range(self.count):
                length, at = _varint(data, at)
                end = at + length
                if length < 0 or end > len(data):
                    raise Undecodable("undecodable-batch", "a record is longer than its batch")
                yield self._record(data[at:end])
                at = end
            if at != len(data):
                raise Undecodable("undecodable-batch", "something follows the last record")
        except IndexError:
            raise Undecodable("undecodable-batch", "a record is cut short") from None

    def _unpacked(self, codec: int) -> memoryview:
        head = bytearray(self._data[:HEADER_BYTES])
        head[_ATTRIBUTES_AT + 1] &= ~CODEC_MASK
        return unpack(codec, self._data[HEADER_BYTES:], bytes(head))

    def _record(self, data: memoryview) -> Record:
        delta, at = _varint(data, 1)
        timestamp = self.timestamp if self.timestamp_type else self.first_timestamp + delta
        offset_delta, at = _varint(data, at)
        key, at = _bytes(data, at)
        value, at = _bytes(data, at)
        count, at = _varint(data, at)
        headers: list[tuple[str, bytes | None]] = []
        if count < 0:
            raise Undecodable("undecodable-batch", "a record with a negative number of headers")
        for _ in range(count):
            name, at = _bytes(data, at)
            content, at = _bytes(data, at)
            headers.append(((name or b"").decode(errors="backslashreplace"), content))
        if at != len(data):
            raise Undecodable("undecodable-batch", "a record is not as long as it says")
        return Record(self.base_offset + offset_delta, max(-_INT64, min(timestamp, _INT64 - 1)), key, value, headers)


def _bytes(data: memoryview, at: int) -> tuple[bytes | None, int]:
    length, at = _varint(data, at)
    if length < 0:
        return None, at
    end = at + length
    if end > len(data):
        raise Undecodable("undecodable-batch", "a part of a record is longer than the record")
    return bytes(data[at:end]), end


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Read a zigzag integer of at most ten bytes. Raises `IndexError` at the end of the data."""
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
        if shift >= 70:
            raise Undecodable("undecodable-batch", "a number without an end")
