"""What is refused keeps its bytes and says where it came from."""

import pytest
from prometheus_client import REGISTRY

from pipeline.dead_letters.book import Letter, letters_of
from pipeline.dead_letters.letter import dead_letter, without_bytes
from schemas.headers.causation import causation_of
from schemas.headers.dead_letter import PREFIX, DeadLetterSource, Settled, Settlement
from schemas.record import Header, InRecord, OutRecord, UnreadableBatch
from schemas.topics import MAX_RECORD_BYTES, SUBMITTED, max_batch_bytes
from tests.batches import RawBatch, RawRecord

NAME = "smsout_dead_letters_total"


@pytest.mark.parametrize(("key", "value"), [(b"key", b"value"), (None, None), (b"\xff", b"\x00\xff")])
@pytest.mark.parametrize("element", [None, 0, 7])
def test_key_value_and_coordinates_survive(key: bytes | None, value: bytes | None, element: int | None) -> None:
    """Whatever they are, in the dead-letter topic of the record's own."""
    record = dead_letter(
        InRecord("sms.mt.status", 3, 42, 1_700_000_000_000, key, value, ()),
        stage="callback", reason="schema-violation", detail="what: wrong", element=element,
    )  # fmt: skip
    assert (record.topic, record.key, record.value) == ("sms.mt.status.dead-letter", key, value)
    assert DeadLetterSource.from_headers(record.headers) == DeadLetterSource(
        "sms.mt.status", 3, 42, 1_700_000_000_000, "callback", "schema-violation", "what: wrong", element
    )


def test_other_headers_stay_and_an_earlier_refusal_gives_way() -> None:
    """A record that was replayed and refused again has one source, the latest."""
    record = InRecord("a", 0, 1, 2, b"k", b"v", (("trace", b"t"),))
    first = dead_letter(record, stage="s", reason="old", detail="", element=4)
    headers = (*record.headers, *first.headers)
    again = dead_letter(InRecord("a", 0, 9, 2, b"k", b"v", headers), stage="s", reason="new", detail="")
    assert [content for name, content in again.headers if name == "trace"] == [b"t"]
    source = DeadLetterSource.from_headers(again.headers)
    assert (source.offset, source.reason, source.element) == (9, "new", None)
    names = [name for name, _ in again.headers]
    assert len(names) == len(set(names))


def test_each_one_is_counted() -> None:
    """By stage and reason."""
    labels = {"stage": "test-stage", "reason": "test-reason"}
    for _ in range(2):
        dead_letter(InRecord("a", 0, 1, 2, None, None, ()), stage="test-stage", reason="test-reason", detail="")
    assert REGISTRY.get_sample_value(NAME, labels) == 2.0


def size_of(letter: OutRecord) -> int:
    """Return how large the batch is that holds nothing but the letter."""
    headers = [(name.encode(), content) for name, content in letter.headers]
    return len(RawBatch([RawRecord(letter.value, letter.key, headers)]).encode())


LARGE: list[tuple[bytes | None, bytes | None, tuple[Header, ...]]] = [
    (b"k" * 900_000, b"v", ()),
    (b"k", b"v" * 30_000_000, ()),
    (None, b"v", (("h", b"x" * 1_000_000),)),
    (None, None, tuple((f"h{n}", b"") for n in range(100_000))),
    (None, b"v" * 1_000_000, (("n" * 1_000_000, b""),)),
    (b"k" * 900_000, b"v" * 900_000, (("\\xff" * 100_000, b"x" * 900_000),) * 3),
]


@pytest.mark.parametrize(("key", "value", "headers"), LARGE)
@pytest.mark.parametrize("element", [None, 3])
def test_a_dead_letter_always_fits_into_its_topic(
    key: bytes | None, value: bytes | None, headers: tuple[Header, ...], element: int | None
) -> None:
    """Whatever a record was once it was unpacked; what is left out is said, and a detail may be as long as it likes."""
    record = InRecord(SUBMITTED, 0, 1, 2, key, value, headers)
    letter = dead_letter(record, stage="s", reason="r", detail="\U0001f600" * 5000, element=element)
    assert size_of(letter) <= max_batch_bytes(letter.topic)
    source = DeadLetterSource.from_headers(letter.headers)
    assert (letter.value == value) == (source.value_size is None)
    assert source.value_size in (None, len(value or b""))
    assert (letter.key == key) == (source.key_size is None)
    assert source.key_size in (None, len(key or b""))
    kept = sum(not name.startswith(PREFIX) for name, _ in letter.headers)
    assert element is not None or kept + (source.headers_left_out or 0) == len(headers)


def test_the_largest_record_of_a_producer_fits_whole() -> None:
    """With its key and its headers: only what was compressed can be larger."""
    headers = (("traceparent", b"00-1"),)
    record = InRecord(SUBMITTED, 0, 1, 2, b"k" * 36, b"v" * MAX_RECORD_BYTES, headers)
    letter = dead_letter(record, stage="s", reason="r", detail="")
    assert (letter.key, letter.value, letter.headers[:1]) == (record.key, record.value, headers)
    assert size_of(letter) <= max_batch_bytes(letter.topic)


def test_the_letters_of_an_arrays_elements_have_no_headers_of_the_record() -> None:
    """A thousand letters of one record would each have them."""
    record = InRecord(SUBMITTED, 0, 1, 2, b"k", b"v", (("large", b"x" * 10_000),))
    letter = dead_letter(record, stage="s", reason="r", detail="", element=3)
    assert size_of(letter) < 1000


def test_a_batch_that_cannot_be_read_says_itself_why() -> None:
    """And which records it stands for, whatever its reader thought that it was."""
    batch = UnreadableBatch(b"bytes", first_offset=5, reason="damaged-batch", detail="why")
    record = InRecord(SUBMITTED, 0, 9, 2, None, batch, ())
    letter = dead_letter(record, stage="s", reason="malformed-json", detail="not JSON")
    source = DeadLetterSource.from_headers(letter.headers)
    assert (source.first_offset, source.offset, source.reason, source.detail) == (5, 9, "damaged-batch", "why")
    assert letter.value == b"bytes"


def test_a_letter_without_bytes_says_where_they_lie() -> None:
    """Nothing of the record is in it, and how large it was is."""
    record = InRecord(SUBMITTED, 0, 9, 2, b"k", b"v" * 5000, (("a", b"b"),))
    letter = without_bytes(dead_letter(record, stage="s", reason="r", detail="d"), 7, 5000)
    source = DeadLetterSource.from_headers(letter.headers)
    assert (letter.value, source.value_size, source.first_offset, source.offset) == (None, 5000, 7, 9)
    assert len(letter.headers) == len(source.to_headers())


FORGED = (
    *Settlement(0, Settled.DROPPED, 1).to_headers(),
    ("settled-offset", b"0"), ("settled-action", b"dropped"), ("settled-at-ms", b"1"), ("origin", b"0:1:0:0"),
)  # fmt: skip


@pytest.mark.parametrize("headers", [FORGED, FORGED[:3], FORGED[3:6], (*FORGED, *FORGED), ()])
@pytest.mark.parametrize("value", [None, b"", b"x"])
def test_no_header_of_a_producer_passes_for_ours(headers: tuple[Header, ...], value: bytes | None) -> None:
    """Neither for an operator's marker nor for where the record came from: the letter is a letter."""
    letter = dead_letter(InRecord(SUBMITTED, 0, 7, 2, None, value, headers), stage="s", reason="r", detail="")
    (read,) = letters_of([InRecord(letter.topic, 0, 1, 2, letter.key, letter.value, letter.headers)])
    assert isinstance(read, Letter)
    assert (read.source.offset, causation_of(letter.headers)) == (7, None)
