"""The request a carrier gets and how its answer is read."""

import json
from datetime import UTC, datetime

import pytest

from pipeline.carriers.http_json import request_of, result_of
from pipeline.carriers.outcome import Outcome
from pipeline.http.client import Answer
from schemas.mt_message import DataCoding, MtMessage, Segment

UUID = "0190f0c0-0000-7000-8000-00000000000{}"


def test_request_carries_the_segment_and_its_key() -> None:
    """The body has what the carrier needs to send one segment; the idempotency key is the segment id."""
    segment = Segment(seqnum=2, text='snow ☃ "quoted"', udh="0500037b0202")
    message = MtMessage(
        id=UUID.format(1),
        trunk_id=UUID.format(2),
        account_id=UUID.format(3),
        source="12125551234",
        destination="15551234567",
        data_coding=DataCoding.UCS2,
        segments=(Segment(seqnum=1, text="x", udh="0500037b0201"), segment),
        carrier_id=UUID.format(4),
        accepted_at=datetime(2026, 1, 1, tzinfo=UTC),
        expires_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    headers, body = request_of(message, segment)
    assert headers["idempotency-key"] == f"{message.id}:2"
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "segment_id": f"{message.id}:2",
        "message_id": message.id,
        "source": "12125551234",
        "destination": "15551234567",
        "data_coding": 8,
        "udh": "0500037b0202",
        "text": 'snow ☃ "quoted"',
    }


@pytest.mark.parametrize(
    ("status", "body", "outcome", "carrier_message_id"),
    [
        (200, b'{"id": "abc"}', Outcome.ACCEPTED, "abc"),
        (202, b'{"id": 17}', Outcome.ACCEPTED, "17"),
        (202, b"not json", Outcome.ACCEPTED, None),
        (202, b"[" * 100_000, Outcome.ACCEPTED, None),
        (204, b"", Outcome.ACCEPTED, None),
        (202, b'{"id": {"x": 1}}', Outcome.ACCEPTED, None),
        (302, b"", Outcome.IN_DOUBT, None),
        (400, b"", Outcome.REFUSED, None),
        (404, b'{"id": "abc"}', Outcome.REFUSED, None),
        (429, b"", Outcome.NOT_TAKEN, None),
        (500, b"", Outcome.IN_DOUBT, None),
        (502, b"", Outcome.IN_DOUBT, None),
        (503, b"", Outcome.NOT_TAKEN, None),
        (504, b"", Outcome.IN_DOUBT, None),
    ],
)
def test_answers_are_read_by_what_they_leave_open(
    status: int, body: bytes, outcome: Outcome, carrier_message_id: str | None
) -> None:
    """Each status means taken, refused, not taken or in doubt; the id is read where there is one."""
    result = result_of(Answer(status, body, None))
    assert (result.outcome, result.carrier_message_id) == (outcome, carrier_message_id)
    assert (result.error is None) == (outcome is Outcome.ACCEPTED)


def test_retry_after_is_passed_on() -> None:
    """What a throttling carrier says about when to come back is kept."""
    assert result_of(Answer(429, b"", "7")).retry_after == "7"
