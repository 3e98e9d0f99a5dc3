"""Topics that hold every codec and format that a broker gives out, and batches that were damaged on its disk."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from tests.batches import CODECS, RawBatch, RawHeader, RawMessage, RawRecord
from tests.raw_producer import RawProducer, batches_in, segments_of

FORGED: Final[Sequence[RawHeader]] = (
    (b"null", None), (b"\xff\xfe", b"not UTF-8"), (b"settled-offset", b"0"), (b"settled-action", b"dropped"),
    (b"settled-at-ms", b"1"), (b"dead-letter-settled-offset", b"0"), (b"dead-letter-settled-action", b"dropped"),
    (b"dead-letter-settled-at-ms", b"1"), (b"dead-letter-reason", None),
)  # fmt: skip
BOMB_BYTES: Final = 41_943_040

Records = Callable[[], RawRecord]
"""Makes a record that a reader of the topic takes, each time another one."""


class Poisoned(NamedTuple):
    """What lies in one partition: its end, what is good, by offset, and what is not, by the last offset of each."""

    topic: str
    partition: int
    end: int
    good: dict[int, RawRecord]
    bad: dict[int, str]
    damaged: int
    """First offset of the batch that is to be damaged."""
    old: int
    """First offset of the batch of four in whose place messages of old formats come."""


async def poison(producer: RawProducer, topic: str, partition: int, make: Records) -> Poisoned:
    """Write good records in every codec, and among them what is none; `damage` does the rest."""
    good: dict[int, RawRecord] = {}
    bad: dict[int, str] = {}

    async def write(*records: RawRecord, codec: int = 0) -> int:
        first = await producer.write(topic, partition, RawBatch(records, codec).encode())
        assert first is not None
        return first

    async def write_good(*records: RawRecord, codec: int = 0) -> int:
        first = await write(*records, codec=codec)
        good.update(enumerate(records, first))
        return first

    for codec in CODECS.values():
        await write_good(make(), make(), codec=codec)
    for codec in (0, 1):
        record = make()
        await write_good(replace(record, headers=(*FORGED, *record.headers)), codec=codec)
    key = b"stranger"  # a compacted topic takes none without
    bad[await write(RawRecord(b"{", key, FORGED))] = "malformed-json"
    twice = await write(RawRecord(b"x" * 30, key), RawRecord(b"y" * 30, key, offset_delta=0))
    bad |= {twice: "malformed-json", twice + 1: "undecodable-batch"}
    bad[await write(RawRecord(b" " * BOMB_BYTES, key), codec=CODECS["gzip"])] = "oversized-batch"
    damaged = await write(make(), make(), make())
    bad[damaged + 2] = "damaged-batch"
    old = await write_good(make(), make(), make(), make())
    last = await write_good(make())
    return Poisoned(topic, partition, last + 1, good, bad, damaged, old)


def damage(data: Path, poisoned: Poisoned) -> None:
    """Damage one batch on the disk of a broker that is stopped, and put messages of old formats in another's place."""
    (segment,) = segments_of(data, poisoned.topic, poisoned.partition)
    written = segment.read_bytes()
    changed = bytearray()
    for offset, begin, end in batches_in(written):
        batch = bytearray(written[begin:end])
        if offset == poisoned.damaged:
            batch[-1] ^= 0x10
        if offset == poisoned.old:
            batch = bytearray(_as_old(poisoned))
        changed += batch
    # The index stays: without it the broker would read the segment at its start, and cut it where it is damaged.
    segment.write_bytes(changed)


def _as_old(poisoned: Poisoned) -> bytes:
    first, records = poisoned.old, [poisoned.good[poisoned.old + n] for n in range(4)]
    zero, one, *rest = [(it.value, it.key) for it in records]
    inner = [RawMessage(1, *it, offset=n) for n, it in enumerate(rest)]
    messages = (
        RawMessage(0, *zero, offset=first),
        RawMessage(1, *one, offset=first + 1),
        RawMessage(1, offset=first + 3, codec=CODECS["snappy"], inner=inner),
    )
    return b"".join(it.encode() for it in messages)
