"""Where a refused record came from survives the way through headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.headers.dead_letter import MAX_DETAIL_CHARACTERS, PREFIX, DeadLetterSource

SOURCE = DeadLetterSource("sms.mt.submitted", 3, 1234, 1_795_374_000_250, "submitted", "malformed-json", "at byte 7", 5)

sources = st.builds(
    DeadLetterSource,
    topic=st.text(),
    partition=st.integers(0, 2**31),
    offset=st.integers(0, 2**63),
    timestamp_ms=st.integers(-(2**63), 2**63),
    stage=st.text(),
    reason=st.text(),
    detail=st.text(max_size=MAX_DETAIL_CHARACTERS),
    element=st.none() | st.integers(0, 999),
)


@given(sources)
def test_headers_bring_back_the_source(source: DeadLetterSource) -> None:
    """Whatever was written is read, and `element` only when there was one."""
    assert DeadLetterSource.from_headers(tuple(source.to_headers())) == source


def test_headers_are_readable_names_and_text() -> None:
    """Any Kafka tool can show them."""
    assert dict(SOURCE.to_headers()) == {
        "dead-letter-topic": b"sms.mt.submitted",
        "dead-letter-partition": b"3",
        "dead-letter-offset": b"1234",
        "dead-letter-timestamp-ms": b"1795374000250",
        "dead-letter-stage": b"submitted",
        "dead-letter-reason": b"malformed-json",
        "dead-letter-detail": b"at byte 7",
        "dead-letter-element": b"5",
    }


def test_other_headers_do_not_disturb() -> None:
    """The record's own headers travel along."""
    own = (("traceparent", b"00-1"), ("topic", b"x"))
    assert DeadLetterSource.from_headers((*own, *SOURCE.to_headers(), *own)) == SOURCE


def test_the_latest_refusal_counts() -> None:
    """A dead letter that was replayed and refused again has two sets; the last one is the current."""
    again = SOURCE._replace(offset=9999, reason="schema-violation")
    assert DeadLetterSource.from_headers((*SOURCE.to_headers(), *again.to_headers())) == again


@pytest.mark.parametrize("missing", ["topic", "partition", "offset", "timestamp-ms", "stage", "reason", "detail"])
def test_a_record_that_is_no_dead_letter_is_told_apart(missing: str) -> None:
    """Each header but the element's is needed."""
    with pytest.raises(KeyError):
        DeadLetterSource.from_headers(tuple(it for it in SOURCE.to_headers() if it[0] != PREFIX + missing))


@pytest.mark.parametrize("value", [b"", b"x", b"1.5", b"\xff\xfe", b"0x10"])
def test_headers_that_are_no_numbers_are_an_error(value: bytes) -> None:
    """A forged dead letter raises ValueError, nothing else."""
    forged = tuple((name, value if name == "dead-letter-offset" else it) for name, it in SOURCE.to_headers())
    with pytest.raises(ValueError, match="invalid literal"):
        DeadLetterSource.from_headers(forged)


def test_a_long_detail_is_cut() -> None:
    """Headers must fit into the room that dead-letter topics leave beside the largest record."""
    headers = SOURCE._replace(detail="ß" * 1_000_000).to_headers()
    assert sum(len(name) + len(value) for name, value in headers) < 10_000
    assert DeadLetterSource.from_headers(tuple(headers)).detail == "ß" * MAX_DETAIL_CHARACTERS


def test_a_detail_that_is_not_unicode_text_is_escaped() -> None:
    """Half a surrogate pair in an error's words must not stop the refusal."""
    assert dict(SOURCE._replace(detail="\ud800!").to_headers())["dead-letter-detail"] == rb"\ud800!"
