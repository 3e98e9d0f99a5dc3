"""Notification: the contract's callback body, byte for byte."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.callbacks.notification import CONTENT_TYPE, body_of, event_of, is_wanted
from schemas.directory.callback_options import CallbackEvent, CallbackOptions
from schemas.messages.status import CodeId, DeliveryName, MessageStatus, StatusName, StatusStage
from schemas.text.smart_encoding import ChangeStep, TextChange
from tests import builders
from tests.builders import trunk, uuid

MESSAGE_ID = "0192f1c4-6a5e-7b31-9d5c-3f2a1b0c9d8e"
BEGAN = datetime(2025, 12, 16, 13, 28, 3, tzinfo=UTC)


def status(**changes: Any) -> MessageStatus:
    defaults: dict[str, Any] = {
        "message_id": MESSAGE_ID, "accepted_at": BEGAN, "ended_at": BEGAN + timedelta(milliseconds=1987.999),
        "segments_total": 1, "segments_sent": 1, "price_per_segment": Decimal("0.0075"), "currency": "USD",
    }  # fmt: skip
    return builders.status(**defaults | changes)


def attributes_of(it: MessageStatus) -> dict[str, Any]:
    return json.loads(body_of(it), parse_float=Decimal)["data"]["attributes"]  # type: ignore[no-any-return]


def test_success() -> None:
    """The whole document of a message that was handed to the carrier."""
    assert body_of(status()) == (
        b'{"data":{"type":"outbound_message_callbacks","id":"0192f1c4-6a5e-7b31-9d5c-3f2a1b0c9d8e","attributes":{'
        b'"status":"Success","code_id":null,"source":"12125551234","destination":"15551234567",'
        b'"time_start":"2025-12-16T13:28:03.000Z","end_time":"2025-12-16T13:28:04.987Z",'
        b'"fragments_sent":1,"price":0.0075,"price_per_segment":0.0075,"currency":"USD"}}}'
    )


@pytest.mark.parametrize(
    ("labels", "members"),
    [
        ({"client_reference": "order 4711"}, b',"client_reference":"order 4711"'),
        ({"tags": ("shop", 'a"b', "\u00e9")}, b',"tags":["shop","a\\"b","\\u00e9"]'),
        ({"client_reference": "1", "tags": ("2",)}, b',"client_reference":"1","tags":["2"]'),
        ({"tags": ()}, b""),
        ({"tags": ("2",), "campaign_id": uuid(19)}, b',"tags":["2"],"campaign_id":"' + uuid(19).encode() + b'"'),
    ],
)
def test_the_customers_own_words_come_last(labels: dict[str, Any], members: bytes) -> None:
    """In both callbacks, where there are any; without them a body is what it always was."""
    assert body_of(status(**labels)) == body_of(status()).removesuffix(b"}}}") + members + b"}}}"
    delivered = status(stage=StatusStage.DELIVERY, status="DELIVERED", **labels)
    assert body_of(delivered) == (
        b'{"data":{"type":"dlr_event","id":"0192f1c4-6a5e-7b31-9d5c-3f2a1b0c9d8e",'
        b'"attributes":{"status":"DELIVERED"' + members + b"}}}"
    )


CHANGES = (
    TextChange(step=ChangeStep.COMPOSED, before="e\u0301", after="\u00e9", count=1),
    TextChange(step=ChangeStep.REPLACED, before="\u201c", after='"', count=2),
)


@pytest.mark.parametrize(
    ("text", "members"),
    [
        (
            {"text_changes": CHANGES},
            b',"text_changes":[{"step":"composed","before":"e\\u0301","after":"\\u00e9","count":1},'
            b'{"step":"replaced","before":"\\u201c","after":"\\"","count":2}]',
        ),
        ({"national_language": "turkish"}, b',"national_language":"turkish"'),
        (
            {"text_changes": CHANGES[:1], "national_language": "turkish", "tags": ("shop",)},
            b',"tags":["shop"],"text_changes":[{"step":"composed","before":"e\\u0301","after":"\\u00e9","count":1}],'
            b'"national_language":"turkish"',
        ),
    ],
    ids=["changes", "language", "all"],
)
def test_what_became_of_the_text_is_told_when_it_is_processed(text: dict[str, Any], members: bytes) -> None:
    """Behind everything else; a text that went out as it came has no such members."""
    assert body_of(status(**text)) == body_of(status()).removesuffix(b"}}}") + members + b"}}}"


def test_refusal() -> None:
    """A message that never left: its code as a number, nothing sent, no price."""
    refused = status(
        status=StatusName.ROUTING_ERROR,
        code_id=CodeId.SOURCE_NOT_ALLOWED,
        segments_total=0,
        segments_sent=0,
        price_per_segment=None,
        currency=None,
    )
    assert attributes_of(refused) == {
        "status": "Routing error",
        "code_id": 8,
        "source": "12125551234",
        "destination": "15551234567",
        "time_start": "2025-12-16T13:28:03.000Z",
        "end_time": "2025-12-16T13:28:04.987Z",
        "fragments_sent": 0,
        "price": None,
        "price_per_segment": None,
        "currency": None,
    }


def test_delivery_receipt() -> None:
    """A status of the delivery stage says nothing but the status."""
    assert body_of(status(stage=StatusStage.DELIVERY, status="DELIVERED")) == (
        b'{"data":{"type":"dlr_event","id":"0192f1c4-6a5e-7b31-9d5c-3f2a1b0c9d8e","attributes":{"status":"DELIVERED"}}}'
    )


def test_the_content_type_has_no_parameters() -> None:
    """JSON:API forbids them."""
    assert CONTENT_TYPE == "application/vnd.api+json"


@pytest.mark.parametrize(
    ("price", "segments", "total"),
    [
        ("0.0075", 2, "0.015"),
        ("0.005", 3, "0.015"),  # 0.015000000000000001 in binary
        ("0.1", 3, "0.3"),  # 0.30000000000000004 in binary
        ("0.000001", 255, "0.000255"),
        ("999999.999999", 255, "254999999.999745"),
        ("0.0075", 0, "0"),
        ("0", 5, "0"),
        ("0.000000", 1, "0"),
        ("12", 1, "12"),
        ("1E+2", 3, "300"),
        ("1E-7", 3, "0.0000003"),
        ("0.1234567890123456789012345678", 3, "0.3703703670370370367037037034"),
    ],
)
def test_the_price_is_the_exact_total(price: str, segments: int, total: str) -> None:
    """Price per segment times segments sent, without the artefacts of binary fractions."""
    # parse_float gets every number with a point or an exponent, parse_int the others.
    body = body_of(status(price_per_segment=Decimal(price), segments_sent=segments))
    found = json.loads(body, parse_float=Decimal, parse_int=Decimal)["data"]["attributes"]["price"]
    assert Decimal(total) == found


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2025, 12, 16, 13, 28, 3, tzinfo=UTC), "2025-12-16T13:28:03.000Z"),
        (datetime(2025, 12, 16, 13, 28, 3, 999_999, tzinfo=UTC), "2025-12-16T13:28:03.999Z"),
        (datetime(2025, 12, 16, 13, 28, 3, 1, tzinfo=timezone(timedelta(hours=5.5))), "2025-12-16T07:58:03.000Z"),
        (datetime(2025, 12, 31, 23, 0, 0, tzinfo=timezone(timedelta(hours=-8))), "2026-01-01T07:00:00.000Z"),
    ],
)
def test_times_are_utc_with_milliseconds(moment: datetime, text: str) -> None:
    """Whatever time zone a producer wrote; digits beyond milliseconds are cut off."""
    attributes = attributes_of(status(accepted_at=moment, ended_at=moment))
    assert (text, text) == (attributes["time_start"], attributes["end_time"])


def statuses_with(text: st.SearchStrategy[str]) -> st.SearchStrategy[MessageStatus]:
    # The strategy wants naive limits and adds the zone.
    moments = st.datetimes(datetime(2000, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
    return st.builds(
        MessageStatus,
        message_id=st.uuids().map(str),
        trunk_id=st.just(MESSAGE_ID),
        stage=st.sampled_from(StatusStage),
        status=text,
        code_id=st.none() | st.sampled_from(CodeId),
        source=text,
        destination=text,
        accepted_at=moments,
        ended_at=moments,
        segments_sent=st.integers(0, 255),
        price_per_segment=st.none() | st.decimals(0, 999_999, places=6),
        client_reference=st.none() | text,
        tags=st.none() | st.lists(text, max_size=3).map(tuple),
        campaign_id=st.none() | st.just(MESSAGE_ID),
    )


@given(statuses_with(st.text(st.characters(), max_size=20)))  # quotes, controls, U+2028, lone surrogates
def test_the_body_is_json_whatever_is_in_the_status(it: MessageStatus) -> None:
    """Hostile characters stay inside their strings, and the bytes are plain ASCII."""
    body = body_of(it)
    assert body.isascii()
    document = json.loads(body, parse_float=Decimal)
    assert list(document) == ["data"]
    assert list(document["data"]) == ["type", "id", "attributes"]
    attributes = document["data"]["attributes"]
    assert attributes.pop("client_reference", None) == it.client_reference
    assert attributes.pop("tags", []) == list(it.tags or ())
    assert attributes.pop("campaign_id", None) == it.campaign_id
    if it.stage is StatusStage.DELIVERY:
        assert attributes == {"status": it.status}
        return
    assert (it.status, it.source, it.destination) == tuple(
        attributes[name] for name in ("status", "source", "destination")
    )
    assert (it.code_id, it.segments_sent) == (attributes["code_id"], attributes["fragments_sent"])
    expected = None if it.price_per_segment is None else it.price_per_segment * it.segments_sent
    assert expected == attributes["price"]


@given(statuses_with(st.text(st.characters(exclude_categories=["Cs"]), max_size=20)))
def test_retries_send_the_same_bytes(it: MessageStatus) -> None:
    """A status that waited in a topic, as often as it may, makes the body it made at first."""
    first = body_of(it)
    for _ in range(2):
        it = MessageStatus.from_bytes(it.to_bytes())
        assert body_of(it) == first


EVERY_STATUS = [
    *((StatusStage.PROCESSING, name) for name in StatusName),
    *((StatusStage.DELIVERY, name) for name in DeliveryName),
    (StatusStage.DELIVERY, "a word of the future"),
]


@pytest.mark.parametrize(("stage", "name"), EVERY_STATUS)
def test_every_status_is_one_event(stage: StatusStage, name: str) -> None:
    """Good news of a stage is an event, and so is everything else; who has chosen all of them hears everything."""
    event = event_of(status(stage=stage, status=name))
    assert (event in (CallbackEvent.SENT, CallbackEvent.NOT_SENT)) == (stage is StatusStage.PROCESSING)
    assert (event in (CallbackEvent.SENT, CallbackEvent.DELIVERED)) == (name in ("Success", "DELIVERED"))


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (None, True),
        (CallbackOptions(headers={"X": "x"}), True),
        (CallbackOptions(events=tuple(CallbackEvent)), True),
        (CallbackOptions(events=(CallbackEvent.SENT, CallbackEvent.DELIVERED)), True),
        (CallbackOptions(events=(CallbackEvent.NOT_SENT, CallbackEvent.DELIVERED)), False),
    ],
)
def test_a_trunk_hears_of_what_it_has_chosen(options: CallbackOptions | None, wanted: bool) -> None:
    """Without a choice of everything."""
    assert is_wanted(trunk(callbacks=options), status()) is wanted
