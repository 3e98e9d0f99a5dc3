"""Record batches byte by byte, also such as no client writes: what lies in a topic, and what a broker gives out."""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from struct import pack
from typing import Final, Self
from zlib import crc32

import cramjam
from aiokafka.codec import lz4_encode, snappy_encode
from aiokafka.record.util import calc_crc32c

CODECS: Final[dict[str, int]] = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}

_PACKS: Final[dict[int, Callable[[bytes], bytes]]] = {
    0: bytes,
    1: lambda data: gzip.compress(data, 6),
    2: lambda data: bytes(snappy_encode(data)),
    3: lambda data: bytes(lz4_encode(data)),  # a broker takes no blocks that depend on each other
    4: lambda data: bytes(cramjam.zstd.compress(data)),
}

RawHeader = tuple[bytes, bytes | None]


@dataclass(frozen=True)
class RawRecord:
    """One record of format 2; names of headers are bytes, which need not be UTF-8."""

    value: bytes | None
    key: bytes | None = None
    headers: Sequence[RawHeader] = ()
    timestamp_delta: int = 0
    offset_delta: int | None = None
    """None: its place in the batch."""

    def encode(self, index: int) -> bytes:
        body = b"\0" + varint(self.timestamp_delta)
        body += varint(index if self.offset_delta is None else self.offset_delta)
        body += _counted(self.key) + _counted(self.value) + varint(len(self.headers))
        body += b"".join(_counted(name) + _counted(content) for name, content in self.headers)
        return varint(len(body)) + body


@dataclass(frozen=True, repr=False)
class RawBatch:
    """A batch of format 2. `payload` stands for the records as they are packed, whatever these are."""

    records: Sequence[RawRecord] = ()
    codec: int = 0
    base_offset: int = 0
    timestamp: int = 1_700_000_000_000
    producer_id: int = -1
    producer_epoch: int = -1
    sequence: int = -1
    transactional: bool = False
    control: bool = False
    payload: bytes | None = None
    last_delta: int | None = None
    count: int | None = None

    def __repr__(self) -> str:
        """Show a long batch, and long values in it, by their beginnings."""
        fields = {name: value for name, value in vars(self).items() if name != "records" and value is not None}
        records = [repr(it)[:300] for it in self.records[:4]]
        return f"RawBatch({len(self.records)} records: {records}, {fields})"

    def encode(self) -> bytes:
        count = len(self.records) if self.count is None else self.count
        last_delta = max(0, count - 1) if self.last_delta is None else self.last_delta
        payload = self.payload
        if payload is None:
            payload = _PACKS.get(self.codec, bytes)(b"".join(it.encode(index) for index, it in enumerate(self.records)))
        covered = pack(
            ">hiqqqhii", self.codec | self.transactional << 4 | self.control << 5, last_delta, self.timestamp,
            self.timestamp, self.producer_id, self.producer_epoch, self.sequence, count,
        )  # fmt: skip
        covered += payload
        checked = pack(">ibI", -1, 2, calc_crc32c(covered)) + covered
        return pack(">qi", self.base_offset, len(checked)) + checked

    def at(self, base_offset: int) -> Self:
        return replace(self, base_offset=base_offset)


@dataclass(frozen=True)
class RawMessage:
    """A message of format 0 or 1, or `inner` ones in a compressed one."""

    magic: int
    value: bytes | None = None
    key: bytes | None = None
    offset: int = 0
    timestamp: int = 1_700_000_000_000
    codec: int = 0
    inner: Sequence["RawMessage"] = field(default=())

    def encode(self) -> bytes:
        value = _PACKS[self.codec](b"".join(it.encode() for it in self.inner)) if self.inner else self.value
        covered = pack(">bb", self.magic, self.codec)
        if self.magic:
            covered += pack(">q", self.timestamp)
        covered += _sized(self.key) + _sized(value)
        return pack(">qiI", self.offset, len(covered) + 4, crc32(covered)) + covered


def abort_marker(producer_id: int, *, base_offset: int = 0) -> RawBatch:
    """Return what a broker writes where a transaction is aborted."""
    marker = RawRecord(pack(">hi", 0, 0), key=pack(">hh", 0, 0))
    return RawBatch([marker], base_offset=base_offset, producer_id=producer_id, transactional=True, control=True)


def varint(value: int) -> bytes:
    """Return a zigzag integer."""
    left = (value << 1) ^ (value >> 63)
    encoded = bytearray()
    while left > 0x7F:
        encoded.append(left & 0x7F | 0x80)
        left >>= 7
    encoded.append(left)
    return bytes(encoded)


def _counted(data: bytes | None) -> bytes:
    return varint(-1) if data is None else varint(len(data)) + data


def _sized(data: bytes | None) -> bytes:
    return pack(">i", -1) if data is None else pack(">i", len(data)) + data
