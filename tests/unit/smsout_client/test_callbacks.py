"""Callbacks are believed when they are signed, and only then."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from smsout_client import CallbackNotVerified, read_callback
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PROCESSED = {
    "data": {"type": "outbound_message_callbacks", "id": "m", "attributes": {"status": "Failed", "code_id": 101}}
}
RECEIPT = {"data": {"type": "dlr_event", "id": "m", "attributes": {"status": "DELIVERED"}}}


def signed(document: Any, at: datetime | None = None) -> tuple[bytes, dict[str, str]]:
    at, body = at or datetime.now(UTC), json.dumps(document)
    return body.encode(), {
        "Webhook-Id": "m.processing", "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(SECRET).sign("m.processing", at, body),
    }  # fmt: skip


def test_a_signed_callback_says_what_became_of_a_message() -> None:
    """Its outcome, and later its receipt."""
    outcome = read_callback(*signed(PROCESSED), SECRET)
    assert (outcome.message_id, outcome.status, outcome.code_id) == ("m", "Failed", 101)
    assert (outcome.webhook_id, outcome.is_receipt) == ("m.processing", False)
    receipt = read_callback(*signed(RECEIPT), SECRET)
    assert (receipt.status, receipt.code_id, receipt.is_receipt) == ("DELIVERED", None, True)


def test_a_callback_brings_the_senders_own_words_back() -> None:
    """Both kinds do; one without any has none."""
    words = {"client_reference": "order 4711", "tags": ["a", "b"]}
    for document in (PROCESSED, RECEIPT):
        data: dict[str, Any] = document["data"]
        named = {"data": {**data, "attributes": {**data["attributes"], **words}}}
        told = read_callback(*signed(named), SECRET)
        assert (told.client_reference, told.tags) == ("order 4711", ("a", "b"))
        told = read_callback(*signed(document), SECRET)
        assert (told.client_reference, told.tags) == (None, ())


@pytest.mark.parametrize("lacks", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_without_all_its_headers_it_is_not_believed(lacks: str) -> None:
    """Whichever is missing."""
    body, headers = signed(PROCESSED)
    del headers[lacks]
    with pytest.raises(CallbackNotVerified):
        read_callback(body, headers, SECRET)


def test_what_was_changed_or_is_old_is_not_believed() -> None:
    """The body to the byte; five minutes."""
    body, headers = signed(PROCESSED)
    with pytest.raises(CallbackNotVerified):
        read_callback(body.replace(b"Failed", b"Success"), headers, SECRET)
    with pytest.raises(CallbackNotVerified):
        read_callback(body, headers, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    with pytest.raises(CallbackNotVerified):
        read_callback(*signed(PROCESSED, datetime.now(UTC) - timedelta(minutes=10)), SECRET)


@pytest.mark.parametrize("document", [{}, [], "x", {"data": {"type": "other", "id": "m", "attributes": {}}}])
def test_what_is_signed_and_no_callback_is_named_so(document: Any) -> None:
    """A secret may be used for something else, too."""
    with pytest.raises(CallbackNotVerified):
        read_callback(*signed(document), SECRET)
