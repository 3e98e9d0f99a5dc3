"""The codecs of Kafka's batches, with a bound on what comes out: a few kilobytes can unpack to gigabytes."""

from collections.abc import Callable
from mmap import mmap
from typing import Final

from cramjam import gzip, lz4, snappy, zstd

MAX_UNPACKED_BYTES: Final = 16_777_216
"""Of one batch, for as long as its records are handed out: of every partition one may be in memory. A batch is 1 MiB at
most, and texts and numbers shrink to a sixth; only those that repeat each other shrink to a fiftieth."""

CODEC_MASK: Final = 0x07
"""Of a batch's attributes."""

# snappy-java's framing, which Kafka's clients use: this header, then blocks with their length in 4 bytes before each.
_XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES: Final = 16


class Undecodable(Exception):
    """Bytes that are not what they say they are; the message says why, without a word of what they hold."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def unpack(codec: int, packed: memoryview, head: bytes = b"") -> memoryview:
    """Return `head`, and behind it what `packed` holds. Raises `Undecodable`.

    Only pages that are written to cost memory, so what is reserved is the bound, whatever comes out.
    """
    if codec not in _CODECS:
        raise Undecodable("unknown-codec", f"codec {codec}")
    name, into = _CODECS[codec]
    room = memoryview(mmap(-1, len(head) + MAX_UNPACKED_BYTES + 1))
    room[: len(head)] = head
    try:
        count = into(packed, room[len(head) :])
    except Undecodable:
        raise
    except Exception as error:
        # The library says in words alone that the room was too small; it is full then, up to its last byte.
        if _WRITE_ZERO in str(error):
            raise _too_large(name) from None
        raise Undecodable("undecodable-batch", f"not {name}: {type(error).__name__}") from error
    if count > MAX_UNPACKED_BYTES:
        raise _too_large(name)
    return room[: len(head) + count]


_WRITE_ZERO: Final = "failed to write whole buffer"


def _too_large(name: str) -> Undecodable:
    return Undecodable("oversized-batch", f"{name} that unpacks to more than {MAX_UNPACKED_BYTES} bytes")


def _unpack_snappy(packed: memoryview, room: memoryview) -> int:
    if bytes(packed[: len(_XERIAL_MAGIC)]) != _XERIAL_MAGIC:
        return _unpack_block(packed, room)
    at, count = 0, 0
    while at < len(packed):
        if bytes(packed[at : at + len(_XERIAL_MAGIC)]) == _XERIAL_MAGIC:  # streams may follow each other
            at += _XERIAL_HEADER_BYTES
            continue
        end = at + 4 + int.from_bytes(packed[at : at + 4], "big")
        if end > len(packed):
            raise Undecodable("undecodable-batch", "not snappy: a block is cut short")
        count += _unpack_block(packed[at + 4 : end], room[count:])
        at = end
    return count


def _unpack_block(packed: memoryview, room: memoryview) -> int:
    if snappy.decompress_raw_len(packed) > len(room):
        raise _too_large("snappy")
    return snappy.decompress_raw_into(packed, room)


_CODECS: Final[dict[int, tuple[str, Callable[[memoryview, memoryview], int]]]] = {
    1: ("gzip", gzip.decompress_into),
    2: ("snappy", _unpack_snappy),
    3: ("lz4", lz4.decompress_into),
    4: ("zstd", zstd.decompress_into),
}
