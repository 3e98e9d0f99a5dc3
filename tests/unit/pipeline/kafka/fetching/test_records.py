"""A fetch's records: every codec and format is read, and whatever else there is comes as one record and is passed."""

import itertools
from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.kafka.fetching.records import FetchedBytes, FetchedRecords
from pipeline.kafka.fetching.unpacking import MAX_UNPACKED_BYTES
from schemas.record import InRecord, UnreadableBatch
from tests.batches import CODECS, RawBatch, RawMessage, RawRecord, abort_marker

PLACES = (TopicPartition("t", number) for number in itertools.count())
GOOD = [RawRecord(b"a", b"k", [(b"n", b"1")]), RawRecord(None), RawRecord(b"c" * 5000)]


def fetched(
    data: bytes,
    offset: int = 0,
    *,
    place: TopicPartition | None = None,
    aborted: Sequence[tuple[int, int]] = (),
    end: int | None = None,
) -> FetchedRecords:
    records = FetchedRecords(place or next(PLACES), FetchedBytes(data), aborted, offset, None, None, True, 1)
    records.end = end
    return records


def read_on(data: bytes, offset: int = 0, end: int | None = None) -> tuple[list[InRecord], int]:
    """Read as a consumer does that asks again for what it did not get; return where it comes to, too."""
    place = next(PLACES)
    found: list[InRecord] = []
    for _ in range(2):
        fetch = fetched(data, offset, place=place, end=end)
        found += fetch
        offset = fetch.next_fetch_offset
    return found, offset


def values(records: Sequence[InRecord]) -> list[bytes | None]:
    return [it.value for it in records]


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_every_codec_is_read(codec: int) -> None:
    """Values, keys, headers, times and offsets are those of the records."""
    fetch = fetched(RawBatch(GOOD, codec, base_offset=7).encode(), 7)
    records = list(fetch)
    assert values(records) == [b"a", None, b"c" * 5000]
    assert [it.offset for it in records] == [7, 8, 9]
    assert records[0].key == b"k"
    assert records[0].headers == (("n", b"1"),)
    assert records[0].timestamp_ms == 1_700_000_000_000
    assert fetch.next_fetch_offset == 10


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("codec", [0, 1, 2, 3])
def test_formats_of_old_segments_are_read(magic: int, codec: int) -> None:
    """Also between batches of the present format, and compressed: their offsets and times come out."""
    inner = [RawMessage(magic, b"x", b"k", offset=0 if magic else 5), RawMessage(magic, None, offset=1 if magic else 6)]
    old = [RawMessage(magic, offset=6, codec=codec, inner=inner)] if codec else [
        RawMessage(magic, b"x", b"k", offset=5), RawMessage(magic, None, offset=6)]  # fmt: skip
    data = RawBatch(GOOD[:1], base_offset=4).encode() + b"".join(it.encode() for it in old)
    fetch = fetched(data + RawBatch(GOOD[:1], base_offset=7).encode(), 4)
    records = list(fetch)
    assert [(it.offset, it.value) for it in records] == [(4, b"a"), (5, b"x"), (6, None), (7, b"a")]
    assert records[1].timestamp_ms == (1_700_000_000_000 if magic else -1)
    assert fetch.next_fetch_offset == 8


def test_names_that_are_not_utf8_and_null_values_are_taken() -> None:
    """What is no text in a name is written out; a null is an empty value. The neighbours are as they were."""
    odd = RawRecord(b"odd", headers=[(b"\xff\xfen", b"1"), (b"null", None)])
    fetch = fetched(RawBatch([*GOOD, odd, *GOOD]).encode())
    records = list(fetch)
    assert values(records) == [b"a", None, b"c" * 5000, b"odd", b"a", None, b"c" * 5000]
    assert records[3].headers == (("\\xff\\xfen", b"1"), ("null", b""))
    assert [it.offset for it in records] == list(range(7))


@pytest.mark.parametrize(
    ("batch", "reason"),
    [
        (RawBatch(GOOD, 5, payload=b"?"), "unknown-codec"),
        (RawBatch(GOOD, 1, payload=b"not gzip"), "undecodable-batch"),
        (RawBatch(GOOD, 2, payload=b"\x82SNAPPY\0\0\0\0\1\0\0\0\1\0\0\0\xffshort"), "undecodable-batch"),
        (RawBatch(GOOD, 2, payload=b"\xff\xff\xff\xff\x0f claims too much"), "oversized-batch"),
        (RawBatch(GOOD, 3, payload=b"not lz4"), "undecodable-batch"),
        (RawBatch(GOOD, 4, payload=b"not zstd"), "undecodable-batch"),
        (RawBatch(GOOD, payload=b"\x10"), "undecodable-batch"),
        (RawBatch(GOOD, payload=b"\xff" * 20), "undecodable-batch"),
        (RawBatch([*GOOD, RawRecord(b"again", offset_delta=1)], last_delta=3), "undecodable-batch"),
        (RawBatch([*GOOD, RawRecord(b"far", offset_delta=9)], last_delta=3), "undecodable-batch"),
        (RawBatch(GOOD, count=4), "undecodable-batch"),
        (RawBatch(GOOD, count=2, last_delta=2), "undecodable-batch"),
        *[(RawBatch([RawRecord(b" " * (MAX_UNPACKED_BYTES + 1))], codec), "oversized-batch") for codec in (1, 2, 3, 4)],
    ],
)
def test_a_batch_that_cannot_be_read_is_one_record_and_is_passed(batch: RawBatch, reason: str) -> None:
    """What lies in front of it and behind comes as ever; its own readable beginning may come too."""
    raw = batch.at(10).encode()
    last = batch.last_delta if batch.last_delta is not None else (batch.count or len(batch.records)) - 1
    data = RawBatch(GOOD, base_offset=7).encode() + raw + RawBatch(GOOD, base_offset=11 + last).encode()
    fetch = fetched(data, 7)
    records = list(fetch)
    (bad,) = (it for it in records if isinstance(it.value, UnreadableBatch))
    assert isinstance(bad.value, UnreadableBatch)
    assert bad.value.reason == reason
    assert bad.value == raw
    assert bad.offset == 10 + last
    assert [it.offset for it in records[: len(GOOD)]] == [7, 8, 9]
    assert values(records[: len(GOOD)]) == [b"a", None, b"c" * 5000]
    assert values(records[-len(GOOD) :]) == [b"a", None, b"c" * 5000]
    assert fetch.next_fetch_offset == 11 + last + len(GOOD)
    assert bad.value.first_offset == records[records.index(bad) - 1].offset + 1


def test_a_wrong_checksum_is_looked_at_twice() -> None:
    """Memory and wires fail too: the second fetch may be right. If not, the batch is set aside where it ends."""
    place = next(PLACES)
    good = RawBatch(GOOD, base_offset=3).encode()
    bad = bytearray(good)
    bad[-1] ^= 1
    following = RawBatch(GOOD, base_offset=6).encode()
    first = fetched(bytes(bad) + following, 3, place=place)
    assert list(first) == []
    assert first.next_fetch_offset == 3
    assert values(list(fetched(good, 3, place=place))) == [b"a", None, b"c" * 5000]
    second = fetched(bytes(bad) + following, 3, place=place)
    records = list(second)
    assert [it.offset for it in records] == [5, 6, 7, 8]
    assert isinstance(records[0].value, UnreadableBatch)
    assert records[0].value.first_offset == 3
    assert records[0].value.reason == "damaged-batch"
    assert second.next_fetch_offset == 9


@pytest.mark.parametrize("base_offset", [0, 7, 1 << 40, -5])
def test_a_batch_that_says_it_lies_elsewhere_does_not_vanish(base_offset: int) -> None:
    """The first offset is not part of the checksum: one that is damaged is told by its neighbours and the end."""
    data = RawBatch(GOOD, base_offset=base_offset).encode() + RawBatch(GOOD, base_offset=6).encode()
    found, position = read_on(data, 3, end=9)
    assert position == 9
    assert isinstance(found[0].value, UnreadableBatch)
    assert [it.offset for it in found] == [5, 6, 7, 8]


def test_records_of_aborted_transactions_are_left_out() -> None:
    """Interleaved with a committed one and with what is in none; their offsets and the markers' are passed."""
    batches = [
        RawBatch([RawRecord(b"aborted 1")], base_offset=0, producer_id=1, transactional=True),
        RawBatch([RawRecord(b"committed")], base_offset=1, producer_id=2, transactional=True),
        RawBatch([RawRecord(b"plain")], base_offset=2),
        RawBatch([RawRecord(b"aborted 2")], base_offset=3, producer_id=1, transactional=True),
        abort_marker(1, base_offset=4),
        RawBatch([RawRecord(b"after")], base_offset=5, producer_id=1, transactional=True),
        abort_marker(9, base_offset=6),
    ]
    fetch = fetched(b"".join(it.encode() for it in batches), aborted=[(1, 0)])
    assert values(list(fetch)) == [b"committed", b"plain", b"after"]
    assert fetch.next_fetch_offset == 7


def test_a_fetch_that_begins_early_or_within_a_batch_gives_what_is_asked_for() -> None:
    """Offsets before the position are passed over without a word."""
    data = RawBatch(GOOD).encode() + RawBatch(GOOD, base_offset=3).encode()
    assert [it.offset for it in fetched(data, 4)] == [4, 5]


@pytest.mark.parametrize("cut", [1, 11, 12, 30, 60, 75])
def test_the_beginning_of_a_batch_at_the_end_of_a_fetch_is_fetched_again(cut: int) -> None:
    """A broker cuts what it gives out at the size that it was asked for."""
    fetch = fetched(RawBatch(GOOD).encode() + RawBatch(GOOD, base_offset=3).encode()[:cut])
    assert len(list(fetch)) == 3
    assert fetch.next_fetch_offset == 3


def flips(data: bytes, places: Sequence[tuple[int, int]]) -> bytes:
    flipped = bytearray(data)
    for place, bit in places:
        flipped[place % len(data)] ^= 1 << bit
    return bytes(flipped)


@given(
    st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 7)), min_size=1, max_size=4),
    st.sampled_from(list(CODECS.values())),
    st.integers(0, 5),
)
@example([(0, 7)], 0, 0)  # a negative first offset
@example([(8, 7)], 0, 0)  # a negative length
@example([(23, 7)], 0, 2)  # a last offset before the first
def test_flipped_bits_never_raise_never_stop_and_lead_nowhere_beyond_the_end(
    places: list[tuple[int, int]], codec: int, offset: int
) -> None:
    """Whatever is flipped in three batches, reading comes on, in rising offsets, and not beyond the partition's end."""
    data = flips(b"".join(RawBatch(GOOD, codec, base_offset=it).encode() for it in (0, 3, 6)), places)
    found, position = read_on(data, offset, end=9)
    assert offset < position <= 9
    offsets = [it.offset for it in found]
    assert offsets == sorted(set(offsets))
    assert all(offset <= it < 9 for it in offsets)


@given(st.binary(max_size=300), st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7]))
def test_any_payload_under_a_right_checksum_is_passed(payload: bytes, codec: int) -> None:
    """A producer may write whatever it likes into a batch: all of it is passed at once."""
    fetch = fetched(RawBatch(GOOD, codec, payload=payload).encode())
    records = list(fetch)
    assert fetch.next_fetch_offset == 3
    assert records == [] or isinstance(records[-1].value, UnreadableBatch) or len(records) == 3


@given(st.binary(min_size=1, max_size=300), st.integers(0, 1 << 40))
def test_any_bytes_are_passed_at_the_second_look(data: bytes, offset: int) -> None:
    """What is no batch at all does not hold up anybody either."""
    found, position = read_on(data, offset)
    assert position > offset
    assert [it.offset for it in found] == sorted({it.offset for it in found})
