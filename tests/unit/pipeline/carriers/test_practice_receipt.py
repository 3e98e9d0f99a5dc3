"""Receipts of the practice carrier."""

import json
from datetime import UTC, datetime

import pytest

from pipeline.carriers.practice_receipt import read_practice_receipt
from pipeline.carriers.receipt import ReceiptReport, ReceiptRequest
from pipeline.errors import BadReceipt
from schemas.dlr import MessageState

POSTED = {
    "id": "c-1",
    "segment_id": "s",
    "message_id": "m",
    "status": "UNDELIV",
    "at": "2026-11-22T19:00:00.000001+00:00",
}


def posted(body: object) -> ReceiptRequest:
    return ReceiptRequest(
        "POST", (), "application/json", body if isinstance(body, bytes) else json.dumps(body).encode()
    )


def test_what_the_simulator_posts_is_read() -> None:
    """Its id, the state, a code where there is one, and its time."""
    at = datetime(2026, 11, 22, 19, 0, 0, 1, tzinfo=UTC)
    assert read_practice_receipt(posted(POSTED)) == [ReceiptReport("c-1", MessageState.UNDELIVERABLE, None, at)]
    (report,) = read_practice_receipt(posted({"id": "c-1", "status": "DELIVRD", "error": "000"}))
    assert report == ReceiptReport("c-1", MessageState.DELIVERED, "000", None)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b'{"id":1,"status":"DELIVRD"}', b"\xff\xfe", b"<x/>", b'{"id":' * 5000,
        {"id": "c"}, {"status": "DELIVRD"}, {"id": "c", "status": "OK"}, {"id": "", "status": "DELIVRD"},
        {"id": "c" * 129, "status": "DELIVRD"}, {"id": "c", "status": "DELIVRD", "error": "e" * 65},
        {"id": "c", "status": "DELIVRD", "at": "yesterday"}, {"id": "c", "status": ["DELIVRD"]},
        {"id": "secret" * 30, "status": "x"},
    ],
    ids=lambda it: str(it)[:40],
)  # fmt: skip
def test_anything_else_is_refused_without_a_word_of_it(body: object) -> None:
    """The answer says what is wrong, and not what was there."""
    with pytest.raises(BadReceipt) as refused:
        read_practice_receipt(posted(body))
    assert "secret" not in str(refused.value)
    assert len(str(refused.value)) < 200
