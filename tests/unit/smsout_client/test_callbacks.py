"""Callbacks are believed when they are signed, and only then."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from smsout_client import CallbackNotVerified, TextChange, read_callback, read_callbacks
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PROCESSED = {
    "data": {"type": "outbound_message_callbacks", "id": "m", "attributes": {"status": "Failed", "code_id": 101}}
}
RECEIPT = {"data": {"type": "dlr_event", "id": "m", "attributes": {"status": "DELIVERED"}}}


BATCH = {
    "data": [
        PROCESSED["data"] | {"meta": {"webhook_id": "m.processing"}},
        RECEIPT["data"] | {"meta": {"webhook_id": "m.delivery"}},
    ]
}


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
    words = {"client_reference": "order 4711", "tags": ["a", "b"], "campaign_id": "c"}
    for document in (PROCESSED, RECEIPT):
        data: dict[str, Any] = document["data"]
        named = {"data": {**data, "attributes": {**data["attributes"], **words}}}
        told = read_callback(*signed(named), SECRET)
        assert (told.client_reference, told.tags, told.campaign_id) == ("order 4711", ("a", "b"), "c")
        told = read_callback(*signed(document), SECRET)
        assert (told.client_reference, told.tags, told.campaign_id) == (None, (), None)


def test_a_callback_says_what_became_of_the_text() -> None:
    """Change by change, and whose tables were used; of a text that stayed as it was there is nothing."""
    change = {"step": "replaced", "before": "’", "after": "'", "count": 2}
    data: dict[str, Any] = PROCESSED["data"]
    more = {"text_changes": [change], "national_language": "turkish"}
    told = read_callback(*signed({"data": {**data, "attributes": {**data["attributes"], **more}}}), SECRET)
    assert (told.text_changes, told.national_language) == ((TextChange("replaced", "’", "'", 2),), "turkish")
    told = read_callback(*signed(PROCESSED), SECRET)
    assert (told.text_changes, told.national_language) == ((), None)


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
    with pytest.raises(CallbackNotVerified):
        read_callbacks(*signed(document), SECRET)


def test_a_batch_is_a_list_of_callbacks() -> None:
    """Each under its own id, whatever that of the POST is; and a single one is a list of one."""
    outcome, receipt = read_callbacks(*signed(BATCH), SECRET)
    assert (outcome.webhook_id, outcome.status, outcome.code_id) == ("m.processing", "Failed", 101)
    assert (receipt.webhook_id, receipt.is_receipt, receipt.status) == ("m.delivery", True, "DELIVERED")
    assert read_callbacks(*signed(PROCESSED), SECRET) == [read_callback(*signed(PROCESSED), SECRET)]
    body, headers = signed(BATCH)
    with pytest.raises(CallbackNotVerified):
        read_callbacks(body.replace(b"Failed", b"Success"), headers, SECRET)


def test_one_who_reads_single_callbacks_is_told_of_a_batch() -> None:
    """It is genuine, and to be read in another way."""
    with pytest.raises(CallbackNotVerified, match="read_callbacks"):
        read_callback(*signed(BATCH), SECRET)


@pytest.mark.parametrize("meta", [None, {}, {"webhook_id": 1}, "x"])
def test_an_event_without_its_id_is_no_event_of_ours(meta: Any) -> None:
    """It could not be told from its repetition."""
    with pytest.raises(CallbackNotVerified):
        read_callbacks(*signed({"data": [PROCESSED["data"] | {"meta": meta}]}), SECRET)
