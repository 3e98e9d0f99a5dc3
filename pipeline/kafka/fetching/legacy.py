"""A message of the formats 0 and 1, and the messages in it when it is compressed.

Kafka 4 writes neither, but gives out what lies in segments that an older version has written.
Layout: https://kafka.apache.org/documentation/#messageset
"""

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from pipeline.kafka.fetching.batch import Record
from pipeline.kafka.fetching.unpacking import CODEC_MASK, Undecodable, unpack

MIN_BYTES: Final = 26  # of format 0, with neither key nor value
_LOG_OVERHEAD: Final = 12
_MAGIC_AT: Final = 16
_HEAD: Final = Struct(">qiIbb")  # offset, length, checksum, magic, attributes
_TIMESTAMP: Final = Struct(">q")
_LENGTH: Final = Struct(">i")
_TIMESTAMP_TYPE: Final = 0x08


class _Message(NamedTuple):
    offset: int
    attributes: int
    timestamp: int | None
    key: memoryview | None
    value: memoryview | None


class LegacyBatch:
    """`data` is one whole message, with offset and length, of at least `MIN_BYTES`."""

    is_transactional = is_control = False
    producer_id = -1

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self.last_offset, _, self._crc, self._magic, self.attributes = _HEAD.unpack_from(data)
        self.last_delta = 0
        self.count = 1
        self.timestamp_type = 1 if self.attributes & _TIMESTAMP_TYPE else 0
        has_time = self._magic > 0 and len(data) >= _HEAD.size + _TIMESTAMP.size
        self.timestamp = _TIMESTAMP.unpack_from(data, _HEAD.size)[0] if has_time else -1

    def is_whole(self) -> bool:
        """Tell whether the checksum is right."""
        return bool(self._crc == crc32(self._data[_MAGIC_AT:]))

    def records(self) -> Iterator[Record]:
        """Iterate over the records in their order. Raises `Undecodable`."""
        outer = _message(self._data)
        codec = outer.attributes & CODEC_MASK
        if not codec:
            yield _record(outer, outer.offset, outer.timestamp)
            return
        if outer.value is None:
            raise Undecodable("undecodable-batch", "a compressed message without a value")
        inner = list(_messages(unpack(codec, outer.value)))
        # In format 1 the outer message has the last one's offset, the inner ones count from 0.
        shift = self.last_offset - inner[-1].offset if self._magic and inner else 0
        for it in inner:
            yield _record(it, it.offset + shift, outer.timestamp if self.timestamp_type else it.timestamp)

    def exact(self) -> Iterator[Record]:
        """Iterate over the records once more. Raises `Undecodable`."""
        return self.records()


def _record(message: _Message, offset: int, timestamp: int | None) -> Record:
    key = None if message.key is None else bytes(message.key)
    return Record(offset, timestamp, key, None if message.value is None else bytes(message.value), ())


def _messages(data: memoryview) -> Iterator[_Message]:
    at = 0
    while at < len(data):
        if len(data) - at < MIN_BYTES:
            raise Undecodable("undecodable-batch", "a message is cut short")
        end = at + _LOG_OVERHEAD + int.from_bytes(data[at + 8 : at + _LOG_OVERHEAD], "big")
        if end > len(data) or end - at < MIN_BYTES:
            raise Undecodable("undecodable-batch", "a message is not as long as it says")
        message = _message(data[at:end])
        if message.attributes & CODEC_MASK:
            raise Undecodable("undecodable-batch", "a compressed message within a compressed message")
        yield message
        at = end


def _message(data: memoryview) -> _Message:
    offset, _, _, magic, attributes = _HEAD.unpack_from(data)
    at, timestamp = _HEAD.size, None
    if magic:
        if len(data) < MIN_BYTES + _TIMESTAMP.size:
            raise Undecodable("undecodable-batch", "a message is cut short")
        (timestamp,) = _TIMESTAMP.unpack_from(data, at)
        at += _TIMESTAMP.size
    key, at = _bytes(data, at)
    value, at = _bytes(data, at)
    return _Message(offset, attributes, timestamp, key, value)


def _bytes(data: memoryview, at: int) -> tuple[memoryview | None, int]:
    if at + _LENGTH.size > len(data):
        raise Undecodable("undecodable-batch", "a message is cut short")
    (length,) = _LENGTH.unpack_from(data, at)
    at += _LENGTH.size
    if length < 0:
        return None, at
    if at + length > len(data):
        raise Undecodable("undecodable-batch", "a part of a message is longer than the message")
    return data[at : at + length], at + length
