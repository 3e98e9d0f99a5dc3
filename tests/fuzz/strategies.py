"""Batches, transactions and damage, as they may come to lie in a topic."""

import json
from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from schemas.topics import MAX_RECORD_BYTES
from tests.batches import CODECS, RawBatch, RawRecord

TRUNK: Final = b"<trunk>"
"""Stands for the id of a trunk that is there, in keys and values."""

OURS: Final = (
    b"origin", b"dead-letter-topic", b"dead-letter-offset", b"dead-letter-reason", b"dead-letter-settled-offset",
    b"dead-letter-settled-action", b"dead-letter-settled-at-ms", b"settled-offset", b"settled-action",
)  # fmt: skip

names = st.one_of(st.binary(max_size=8), st.sampled_from(OURS), st.text(max_size=5).map(lambda it: it.encode()))
contents = st.one_of(st.none(), st.binary(max_size=8), st.sampled_from([b"0", b"dropped", b"0:0:0:0", b"x" * 30_000]))
headers = st.lists(st.tuples(names, contents), max_size=4)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _submission(changes: dict[str, object], content: str, number: str) -> dict[str, object]:
    asked: dict[str, object] = {
        "trunk_id": TRUNK.decode(), "source": "12125551234", "content": content, "destinations": [{"address": number}],
    }  # fmt: skip
    return asked | changes


numbers = st.sampled_from(["12075550000", "12075550001", "4915112345678", "999999999", "0", "1" * 15])
submissions = st.builds(
    _submission,
    st.one_of(
        st.just({}),
        st.dictionaries(
            st.sampled_from(
                ["schema_version", "id", "trunk_id", "source", "content", "destinations", "accepted_at", "new",
                 "idempotency_digest"]
            ), json_values, max_size=2,
        ),
    ),
    st.text(min_size=1, max_size=20) | st.sampled_from(["x" * 1600, "\u20ac" * 200, "\x1b", "\U0001f600" * 80]),
    numbers,
)  # fmt: skip

values = st.one_of(
    st.none(),
    st.binary(max_size=40),
    json_values.map(lambda it: json.dumps(it).encode()),
    submissions.map(lambda it: json.dumps(it).encode()),
    st.lists(submissions, max_size=5).map(lambda it: json.dumps(it).encode()),
    st.sampled_from(
        [
            b"[" * 100_000, b"{" * 100_000, b'"\xff"', b"[1", b"9" * 5000, b" " * MAX_RECORD_BYTES, b"\x00" * 900_000,
            b'{"content":"' + b"x" * 900_000 + b'"}', b"[" + b"{}," * 999 + b"{}]", b"[" + b"1," * 300_000 + b"1]",
        ]
    ),
)  # fmt: skip
keys = st.one_of(st.none(), st.just(TRUNK), st.binary(max_size=8), st.just(b"k" * 50_000))

records = st.builds(
    RawRecord, values, keys, headers, st.integers(-(1 << 62), 1 << 62) | st.just(0),
    st.none() | st.none() | st.integers(-2, 5),
)  # fmt: skip
codecs = st.sampled_from([*CODECS.values(), 5, 7])
batches = st.one_of(
    st.builds(RawBatch, st.lists(records, min_size=1, max_size=4), codecs, timestamp=st.integers(-1, 1 << 62)),
    st.builds(
        RawBatch, st.lists(records, min_size=1, max_size=3), codecs, payload=st.none() | st.binary(max_size=60),
        last_delta=st.none() | st.integers(-2, 9), count=st.none() | st.integers(-2, 9),
    ),
    st.builds(RawBatch, st.just([RawRecord(b" " * 60_000_000)]), st.sampled_from([1, 4])),
    st.builds(RawBatch, st.just([RawRecord(b"{" * 500_000)] * 30), st.sampled_from([1, 2, 3, 4])),
    st.builds(RawBatch, st.just([RawRecord(b"{")] * 150)),
)  # fmt: skip


@dataclass(frozen=True)
class Write:
    """A batch comes to lie in a partition; what the broker refuses lies nowhere."""

    batch: RawBatch


@dataclass(frozen=True)
class Transact:
    """A producer writes in a transaction, with others' records in between, and ends it."""

    values: tuple[bytes | None, ...]
    commits: bool


@dataclass(frozen=True)
class Damage:
    """Bits flip in what nobody has read yet, on the disk: which of its batches, and where in each."""

    batch: RawBatch
    flips: tuple[tuple[int, int], ...]


Step = Write | Transact | Damage

steps = st.one_of(
    st.builds(Write, batches),
    st.builds(Write, batches),
    st.builds(Transact, st.lists(values, min_size=1, max_size=3).map(tuple), st.booleans()),
)
damages = st.builds(
    Damage,
    st.builds(RawBatch, st.lists(records, min_size=1, max_size=4), st.sampled_from(list(CODECS.values()))),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 7)), min_size=1, max_size=3).map(tuple),
)
