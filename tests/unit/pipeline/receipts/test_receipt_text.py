"""Receipt texts as carriers write them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BadReceipt
from pipeline.receipts.receipt_text import MAX_TEXT_LENGTH, ReceiptText, parse_receipt_text, state_of
from schemas.messages.dlr import RECEIPT_STATES, MessageState

DELIVERED, UNDELIVERABLE = MessageState.DELIVERED, MessageState.UNDELIVERABLE


FULL = "id:0123456789 sub:001 dlvrd:001 submit date:2611221328 done date:2611221329 stat:DELIVRD err:000 text:Hello"
UUID = "3b1f0f6c-2f57-5f7e-8b7a-3f1f3c6f2a55"
LOOKS_LIKE_ANOTHER = "id:1 submit_date:0 done_date:19700101 stat:REJECTD err: text:stat:DELIVRD id:2"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (FULL, ReceiptText("0123456789", DELIVERED, None)),
        ("id:7A3f stat:UNDELIV err:0001", ReceiptText("7A3f", UNDELIVERABLE, "0001")),
        ("id: 7 stat: UNDELIV err: A1B Text: x", ReceiptText("7", UNDELIVERABLE, "A1B")),
        ("ID:7 STAT:delivrd ERR:0", ReceiptText("7", DELIVERED, None)),
        ("stat:DELIVERED id:9", ReceiptText("9", DELIVERED, None)),
        ("stat:DELIVRD err:069", ReceiptText(None, DELIVERED, "069")),
        (f"id:{UUID} stat:EXPIRED", ReceiptText(UUID, MessageState.EXPIRED, None)),
        (LOOKS_LIKE_ANOTHER, ReceiptText("1", MessageState.REJECTED, None)),
        ("id: sub:001 stat:SKIPPED", ReceiptText(None, MessageState.SKIPPED, None)),
        ("id:1 stat:BUFFRED", ReceiptText("1", MessageState.ENROUTE, None)),
        ("stat:UNDELIV stat:DELIVRD", ReceiptText(None, UNDELIVERABLE, None)),
    ],
)
def test_texts_of_many_carriers(text: str, read: ReceiptText) -> None:
    """Fields missing, in any order and case, spaces, codes with letters, a message that looks like a receipt."""
    assert parse_receipt_text(text) == read


TOO_LONG = "stat:DELIVRD text:" + "x" * MAX_TEXT_LENGTH


@pytest.mark.parametrize(
    "text", ["", "Hello", "id:1 err:000", "stat:", "text:stat:DELIVRD", "id:1 stat:WHATEVER", TOO_LONG]
)
def test_without_a_state_it_is_no_receipt(text: str) -> None:
    """And the error does not quote it: it may hold a customer's words."""
    with pytest.raises(BadReceipt) as refused:
        parse_receipt_text(text)
    assert len(str(refused.value)) < 80


@given(st.sampled_from(sorted(RECEIPT_STATES)), st.text(max_size=200))
def test_a_customers_text_changes_nothing(word: str, text: str) -> None:
    """What follows `text:` can be anything."""
    read = parse_receipt_text(f"id:1 stat:{word} err:045 text:{text}")
    assert read == ReceiptText("1", RECEIPT_STATES[word], "045")


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing else can happen."""
    with suppress(BadReceipt):
        assert isinstance(parse_receipt_text(text).state, MessageState)


def test_words_of_the_specification_and_of_others() -> None:
    """Long and short, in any case."""
    assert {state_of(word.lower()) for word in RECEIPT_STATES} == set(MessageState)
    assert state_of(" Undeliverable ") is UNDELIVERABLE
    with pytest.raises(BadReceipt):
        state_of("OK")
