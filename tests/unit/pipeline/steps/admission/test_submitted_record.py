"""Records of sms.mt.submitted, good and hostile."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.steps.admission.submitted_record import UnreadableSubmission, read_submitted
from schemas.messages.submission import Submission

TRUNK = "0190f0c0-0000-7000-8000-000000000001"


def submission(**changes: object) -> dict[str, object]:
    return {
        "trunk_id": TRUNK,
        "source": "12125551234",
        "content": "Hello",
        "destinations": [{"address": "15551234567"}],
        **changes,
    }


def as_bytes(value: object) -> bytes:
    return json.dumps(value).encode()


def test_single_submission_is_read() -> None:
    """A record whose value is one object holds one submission."""
    (read,) = read_submitted(as_bytes(submission()))
    assert isinstance(read, Submission)
    assert read.content == "Hello"


def test_array_is_read_in_order() -> None:
    """A record whose value is an array holds its submissions in their order."""
    contents = ["one", "two", "three"]
    read = read_submitted(b" \n" + as_bytes([submission(content=text) for text in contents]))
    assert [it.content for it in read if isinstance(it, Submission)] == contents


def test_bad_element_leaves_its_neighbours_alone() -> None:
    """Only the element that is no submission is refused, with its own bytes and its index."""
    bad = '{"trunk_id":  "nobody",   "note": "[,]"}'
    value = f"[{json.dumps(submission())} , {bad},{json.dumps(submission())}\t]".encode()
    first, refused, last = read_submitted(value)
    assert isinstance(first, Submission)
    assert isinstance(last, Submission)
    assert isinstance(refused, UnreadableSubmission)
    assert (refused.element, refused.value, refused.reason) == (1, bad.encode(), "schema-violation")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty-record"),
        (b"", "malformed-json"),
        (b"{", "malformed-json"),
        (b"\xff\xfe", "malformed-json"),
        (b"[\xff]", "malformed-json"),
        (b"[" * 100_000, "malformed-json"),
        (b"[{}", "malformed-json"),
        (b"[{} {}]", "malformed-json"),
        (b"[{},]", "malformed-json"),
        (b"[{}] x", "malformed-json"),
        (b"[]", "schema-violation"),
        (b"null", "schema-violation"),
        (b"3", "schema-violation"),
        (b"{}", "schema-violation"),
        (as_bytes(submission(schema_version=2)), "schema-violation"),
        (as_bytes(submission(sendat="2030-01-01")), "schema-violation"),
        (as_bytes(submission(content="")), "schema-violation"),
        (as_bytes(submission(destinations=[])), "schema-violation"),
        (as_bytes(submission(destinations=[{"address": "+15551234567"}])), "schema-violation"),
        (as_bytes(submission(destinations=[{"address": "15551234567"}] * 1001)), "schema-violation"),
        (as_bytes([submission()] * 1001), "schema-violation"),
    ],
)
def test_unreadable_record_is_refused_whole(value: bytes | None, reason: str) -> None:
    """What is no submission and no array of them is refused with its bytes and a stable reason."""
    (refused,) = read_submitted(value)
    assert isinstance(refused, UnreadableSubmission)
    assert (refused.value, refused.reason, refused.element) == (value, reason, None)


def test_a_record_of_a_later_version_says_so() -> None:
    """Whoever has put an older version back finds in the dead letter what to do."""
    (refused,) = read_submitted(as_bytes(submission(schema_version=2, sendat="2030-01-01")))
    assert isinstance(refused, UnreadableSubmission)
    assert refused.detail == "schema_version: 2 is of a later version of smsout than this: start that one, then replay"


def test_detail_holds_no_message_text() -> None:
    """What is said about a refused record names the place, never the content."""
    (refused,) = read_submitted(as_bytes(submission(content="top secret" * 10_000)))
    assert isinstance(refused, UnreadableSubmission)
    assert "secret" not in refused.detail
    assert "content" in refused.detail


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(value: bytes) -> None:
    """No bytes raise: every record gives submissions or refusals."""
    assert len(read_submitted(value)) >= 1


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), st.lists, max_leaves=20))
def test_every_element_of_any_array_is_accounted_for(value: object) -> None:
    """An array gives one result for each of its elements."""
    elements = value if isinstance(value, list) else [value]
    read = read_submitted(as_bytes(elements))
    assert len(read) == max(1, len(elements))


def test_a_character_that_cannot_be_seen_is_named() -> None:
    """Producers copy numbers too: the dead letter says which it is and where, and no more of the number."""
    (read,) = read_submitted(as_bytes(submission(destinations=[{"address": "1555\u200b1234567"}])))
    assert isinstance(read, UnreadableSubmission)
    assert "character 5 is U+200B ZERO WIDTH SPACE" in read.detail
    assert "1234567" not in read.detail
