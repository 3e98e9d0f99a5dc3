"""The client that waits: what it sends, what it makes of answers, and when it tries again."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from unittest.mock import patch

import httpx
import pytest
from smsout_client import Client, Outgoing, Refused, Unavailable
from smsout_client.retrying import Retrying

from tests.unit.smsout_client.gateway import BUSY, CREATED, EVENT, ID, LOGGED, URL, Gateway


@pytest.fixture(autouse=True)
def slept() -> Iterator[list[float]]:
    """Delays, which nobody waits for."""
    delays: list[float] = []
    with patch("smsout_client.sync.time.sleep", delays.append):
        yield delays


def client(gateway: Gateway, **settings: object) -> Client:
    return Client(URL, username="üser", password="pass:word", transport=gateway, **settings)  # type: ignore[arg-type]


def send(gateway: Gateway, key: str | None = None) -> str:
    with client(gateway) as sms:
        return sms.send(source="12125551234", destination="15551234567", content="Grüße", key=key).id


def test_a_message_is_sent_as_the_contract_has_it() -> None:
    """Path, media type, Basic credentials in UTF-8, a key of its own, the document."""
    gateway = Gateway(httpx.Response(201, json=CREATED), httpx.Response(201, json=CREATED))
    assert send(gateway) == ID
    assert send(gateway) == ID
    [request, _] = gateway.asked
    assert (request.method, str(request.url)) == ("POST", f"{URL}/outbound_messages")
    assert request.headers["content-type"] == "application/vnd.api+json"
    assert request.headers["authorization"] == "Basic w7xzZXI6cGFzczp3b3Jk"
    assert len(gateway.keys) == 2
    assert gateway.bodies()[0]["data"] == {
        "type": "outbound_messages",
        "attributes": {"destination": "15551234567", "source": "12125551234", "content": "Grüße"},
    }


def test_a_bulk_is_scheduled_and_taken_back() -> None:
    """With its time and how long it may be tried; by the id of all of it, or message by message."""
    taken = {
        "data": [{"id": ID, "type": "outbound_messages", "attributes": {"destination": "2"}}],
        "meta": {"bulk_id": "b"},
    }
    gateway = Gateway(httpx.Response(201, json=taken), httpx.Response(202, json={}), httpx.Response(202, json={}))
    at = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)
    with client(gateway) as sms:
        [sent] = sms.send_many(source="1", destinations=["2"], content="x", send_at=at, validity_period=60)
        assert sent.bulk_id == "b"
        sms.cancel_bulk(sent.bulk_id)
        sms.cancel(sent.id)
        with pytest.raises(ValueError, match="time zone"):
            sms.send(source="1", destination="2", content="x", send_at=at.replace(tzinfo=None))
    attributes = json.loads(gateway.asked[0].content)["data"]["attributes"]
    assert (attributes["send_at"], attributes["validity_period"]) == ("2026-11-23T07:30:00+00:00", 60)
    assert [(it.method, it.url.path) for it in gateway.asked[1:]] == [
        ("DELETE", "/bulk_outbound_messages/b"),
        ("DELETE", f"/outbound_messages/{ID}"),
    ]


def test_messages_that_differ_go_in_one_request() -> None:
    """With their own texts, or with values for the places of one; what is not given is not sent."""
    taken = {"data": [{"id": ID, "type": "outbound_messages", "attributes": {"destination": it}} for it in "12"]}
    gateway = Gateway(httpx.Response(201, json=taken), httpx.Response(201, json=taken))
    with client(gateway) as sms:
        sent = sms.send_each(
            source="9", messages=[Outgoing("1", "one"), Outgoing("2", "two", client_reference="b")], tags=["shop"]
        )
        sms.send_each(source="9", content="{{a}}", messages=[Outgoing("1", values={"a": "x"})])
        for wrong in ([], [Outgoing("1", "x")] * 1001):
            with pytest.raises(ValueError, match="1 to 1000 messages"):
                sms.send_each(source="9", messages=wrong)
    assert [it.destination for it in sent] == ["1", "2"]
    assert [it["data"] for it in gateway.bodies()] == [
        {
            "type": "bulk_outbound_messages",
            "attributes": {
                "source": "9",
                "messages": [
                    {"destination": "1", "content": "one"},
                    {"destination": "2", "content": "two", "client_reference": "b"},
                ],
                "tags": ["shop"],
            },
        },
        {
            "type": "bulk_outbound_messages",
            "attributes": {
                "source": "9",
                "messages": [{"destination": "1", "values": {"a": "x"}}],
                "content": "{{a}}",
            },
        },
    ]


def test_a_message_takes_words_along_and_brings_them_back() -> None:
    """To one and to many; what is not given is not sent."""
    bulk = {"data": [{"id": ID, "type": "outbound_messages", "attributes": {"destination": "1"}}]}
    words = {"client_reference": "order 4711", "tags": ["a", "b"], "campaign_id": "c"}
    logged = {**LOGGED, "attributes": {**LOGGED["attributes"], **words}}  # type: ignore[dict-item]
    gateway = Gateway(
        httpx.Response(201, json=CREATED), httpx.Response(201, json=bulk), httpx.Response(200, json={"data": logged}),
        httpx.Response(200, json={"data": LOGGED}),
    )  # fmt: skip
    with client(gateway) as sms:
        sms.send(source="1", destination="2", content="x", client_reference="order 4711", campaign_id="c")
        sms.send_many(source="1", destinations=["2"], content="x", tags=("a", "b"), smart_encoding="replace")
        named, other = sms.message(ID), sms.message(ID)
    assert [it["data"]["attributes"] for it in (json.loads(it.content) for it in gateway.asked[:2])] == [
        {"destination": "2", "source": "1", "content": "x", "client_reference": "order 4711", "campaign_id": "c"},
        {"destination": ["2"], "source": "1", "content": "x", "smart_encoding": "replace", "tags": ["a", "b"]},
    ]
    assert (named.client_reference, named.tags, named.campaign_id) == ("order 4711", ("a", "b"), "c")
    assert (other.client_reference, other.tags, other.campaign_id) == (None, (), None)


@pytest.mark.parametrize(
    "trouble",
    [
        BUSY, httpx.ConnectError("refused"), httpx.ReadTimeout("silent"), httpx.RemoteProtocolError("cut off"),
        httpx.Response(503, json={"errors": [{"meta": {"message_id": ID}}]}), httpx.Response(500), httpx.Response(408),
        httpx.Response(502, text="<html>"),
    ],
    ids=lambda it: getattr(it, "status_code", None) or type(it).__name__,
)  # fmt: skip
def test_what_may_do_better_is_sent_again_with_the_same_key(trouble: httpx.Response | Exception) -> None:
    """Whatever became of the first one, it is one message."""
    gateway = Gateway(trouble, trouble, httpx.Response(201, json=CREATED, headers={"Idempotency-Replayed": "true"}))
    with client(gateway) as sms:
        sent = sms.send(source="12125551234", destination="15551234567", content="x", key="mine")
    assert (sent.id, sent.replayed, gateway.keys, len(gateway.asked)) == (ID, True, {"mine"}, 3)
    assert len({it.content for it in gateway.asked}) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 405, 406, 409, 413, 415, 417, 431, 501, 301])
def test_what_must_be_corrected_is_not_sent_again(status: int) -> None:
    """The problems come with their places."""
    problem = {
        "title": "Bad Request", "detail": "content is missing", "code": "400", "status": "400",
        "source": {"pointer": "/data/attributes/content"},
    }  # fmt: skip
    gateway = Gateway(httpx.Response(status, json={"errors": [problem]}))
    with pytest.raises(Refused, match=f"HTTP {status}: /data/attributes/content: content is missing") as refused:
        send(gateway)
    assert [it.pointer for it in refused.value.problems] == ["/data/attributes/content"]
    assert not refused.value.retryable


def test_it_gives_up_in_the_end_and_says_with_which_key_to_go_on(slept: list[float]) -> None:
    """Six tries, with delays that grow."""
    gateway = Gateway(*[httpx.ConnectError("refused")] * 6)
    with pytest.raises(Unavailable, match="given up after 6 tries") as unavailable:
        send(gateway)
    assert {unavailable.value.key} == gateway.keys
    assert [0.25 * 2**n <= it <= 0.5 * 2**n for n, it in enumerate(slept)] == [True] * 5


def test_retry_after_is_kept_to_unless_it_asks_for_more_than_there_is(slept: list[float]) -> None:
    """A minute is all that it waits."""
    gateway = Gateway(httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(201, json=CREATED))
    send(gateway)
    assert slept == [7.0]
    with pytest.raises(Unavailable, match="given up after 1 tries: HTTP 503"):
        send(Gateway(httpx.Response(503, headers={"Retry-After": "3600"})))


def test_an_answer_of_somebody_else_is_no_answer() -> None:
    """A proxy's page with a 200 says nothing about the message, whose key is told."""
    for answer in (httpx.Response(200, text="<html>"), httpx.Response(201, json=[]), httpx.Response(201, json={})):
        with pytest.raises(Unavailable, match="not in the gateway's words") as unavailable:
            send(Gateway(answer), key="mine")
        assert unavailable.value.key == "mine"


def test_one_text_goes_to_many() -> None:
    """All of them in one request, in its order."""
    data = [
        {"id": str(n), "type": "outbound_messages", "attributes": {"destination": f"1555123456{n}"}} for n in (1, 2)
    ]
    gateway = Gateway(httpx.Response(201, json={"data": data}))
    with client(gateway) as sms:
        sent = sms.send_many(source="1", destinations=(f"1555123456{n}" for n in (1, 2)), content="x")
        assert [(it.id, it.destination) for it in sent] == [("1", "15551234561"), ("2", "15551234562")]
        for numbers in ([], ["1"] * 1001):
            with pytest.raises(ValueError, match="1 to 1000"):
                sms.send_many(source="1", destinations=numbers, content="x")
    assert gateway.bodies()[0]["data"]["attributes"]["destination"] == ["15551234561", "15551234562"]


def test_messages_are_looked_up_where_the_log_is() -> None:
    """With types that can be worked with."""
    gateway = Gateway(httpx.Response(200, json={"data": LOGGED}), httpx.Response(200, json={"data": [EVENT]}))
    with client(gateway, log_url="https://log.example/base/") as sms:
        message = sms.message(ID)
        [happened] = sms.events("../x")
    assert (message.status, message.price) == ("Success", Decimal("0.0075"))
    assert message.ended_at == datetime(2026, 11, 22, 13, 28, 4, tzinfo=UTC)
    assert (happened.event, happened.at.year) == ("accepted", 2026)
    assert [str(it.url) for it in gateway.asked] == [
        f"https://log.example/base/outbound_messages/{ID}", "https://log.example/base/outbound_messages/..%2Fx/events",
    ]  # fmt: skip


def test_a_search_goes_on_from_page_to_page() -> None:
    """As far as somebody reads; filters have the API's names."""
    first = {"data": [LOGGED], "links": {"next": "/outbound_messages?page[after]=abc"}}
    gateway = Gateway(httpx.Response(200, json=first), httpx.Response(200, json={"data": [LOGGED], "links": {}}))
    with client(gateway) as sms:
        found = sms.messages(
            since=datetime(2026, 11, 22, tzinfo=UTC), status=["Failed", "Queued"], code_id=6, page_size=1
        )
        assert [it.id for it in found] == [ID, ID]
        with pytest.raises(ValueError, match="zone"):
            next(sms.messages(since=datetime(2026, 11, 22)))  # noqa: DTZ001  # which is what is refused
    assert dict(gateway.asked[0].url.params) == {
        "filter[since]": "2026-11-22T00:00:00+00:00", "filter[status]": "Failed,Queued", "filter[code_id]": "6",
        "page[size]": "1",
    }  # fmt: skip
    assert str(gateway.asked[1].url.params) == "page%5Bafter%5D=abc"


def test_how_often_it_tries_can_be_said() -> None:
    """For a program that had better fail at once."""
    gateway = Gateway(BUSY)
    with client(gateway, retrying=Retrying(attempts=1)) as sms, pytest.raises(Unavailable, match="after 1 tries"):
        sms.message(ID)
