"""What customers rely on: both endpoints' answers, and the answer to everything that is wrong with a request."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from agents.serving.errors import TITLES as ALL_TITLES
from pipeline.callbacks.signing import signed_headers
from pipeline.directory.credentials import new_callback_secret
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.status import CodeId, StatusName
from schemas.messages.timing import written
from schemas.text.smart_encoding import SmartEncoding
from schemas.topics import CANCEL_REQUESTED
from tests.contract.bad_requests import A_BULK, A_MESSAGE, BAD_REQUESTS, BULK, PREVIEWS, TITLES, BadRequest
from tests.unit.agents.ingress.harness import JSON_API, Answered, OpenDoor, asked, bulk, open_door, single

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def assert_error_shape(answer: Answered, status: int) -> None:
    """Title, detail, code and status, all strings, code equal to status; nothing else but source and meta."""
    assert answer.headers["content-type"] == JSON_API
    document = answer.json
    assert list(document) == ["errors"]
    assert document["errors"]
    for error in document["errors"]:
        assert {"title", "detail", "code", "status"} == error.keys() - {"source", "meta"}
        assert (TITLES[status], str(status), str(status)) == (error["title"], error["code"], error["status"])
        assert isinstance(error["detail"], str)


@pytest.mark.parametrize("bad", BAD_REQUESTS, ids=lambda bad: bad.name)
async def test_bad_request(bad: BadRequest) -> None:
    """Each gets its status and every problem in the contract's shape, and nothing reaches the topic."""
    async with open_door() as door:
        answer = await door.send(bad.raw(door))

        assert bad.status == answer.status
        assert_error_shape(answer, bad.status)
        assert bad.details == answer.details
        assert door.producer.records == []


@pytest.mark.parametrize(
    "bad",
    [bad for bad in BAD_REQUESTS if "path" not in bad.changes],
    ids=lambda bad: bad.name,
)
async def test_a_preview_refuses_what_a_send_refuses(bad: BadRequest) -> None:
    """The same answer, to the byte; and nothing reaches the topic."""
    async with open_door() as door:
        sent, previewed = await door.send(bad.raw(door)), await door.send(bad.asks.raw(door))

        assert (bad.status, sent.body) == (previewed.status, previewed.body)
        assert sent.headers.keys() == previewed.headers.keys()
        assert door.producer.records == []


async def test_bad_attributes_are_pointed_at() -> None:
    """`source.pointer` (JSON:API) leads from the document's root to each offending value."""
    async with open_door() as door:
        answer = await door.post(
            bulk(destination=["15551234567", "x", "15551234568", ""], content="", **{"a/b~": 1}), BULK
        )

        assert [error["source"]["pointer"] for error in answer.json["errors"]] == [
            "/data/attributes/destination/1",
            "/data/attributes/destination/3",
            "/data/attributes/content",
            "/data/attributes/a~1b~0",
        ]


async def test_bad_tags_are_pointed_at() -> None:
    """The list where all of it is wrong, else each tag; and the reference."""
    async with open_door() as door:
        answer = await door.post(single(client_reference="", tags=["one", "", "one"]))
        pointers = [error["source"]["pointer"] for error in answer.json["errors"]]
        assert pointers == ["/data/attributes/client_reference", "/data/attributes/tags/1", "/data/attributes/tags/2"]
        (error,) = (await door.post(single(tags="one"))).json["errors"]
        assert error["source"] == {"pointer": "/data/attributes/tags"}


LABELS: list[dict[str, Any]] = [
    {"client_reference": "order 4711"},
    {"client_reference": "ж" * 100},
    {"client_reference": "\"{}:,\\'", "tags": ["a,b", 'c"d', "e:f"]},
    {"tags": ["shop"]},
    {"client_reference": "😀", "tags": [f"{n}".ljust(50, "x") for n in range(10)]},
]


@pytest.mark.parametrize("labels", LABELS, ids=str)
async def test_reference_and_tags_come_back(labels: dict[str, Any]) -> None:
    """In the answer to each message as they were given, also to a repetition; and the topic has them."""
    async with open_door() as door:
        for _ in range(2):
            answer = await door.post(single(**labels), idempotency_key="k")
            assert (answer.status, answer.json["data"]["attributes"]) == (201, labels)
        answer = await door.post(bulk(destination=["15551234567", "15551234568"], **labels), BULK)
        assert [it["attributes"] for it in answer.json["data"]] == [
            {"destination": number, **labels} for number in ("15551234567", "15551234568")
        ]
        for submission in door.producer.submissions():
            held = {"client_reference": submission.client_reference, "tags": list(submission.tags or ())}
            assert {name: value for name, value in held.items() if value} == labels


@pytest.mark.parametrize("none", [{"client_reference": None}, {"tags": None}, {"tags": []}], ids=str)
async def test_no_reference_and_no_tags_are_as_if_left_out(none: dict[str, Any]) -> None:
    """A client that writes all that it knows of need not leave out what is empty: answer and record are the same."""
    async with open_door() as door:
        document = single()
        document["data"]["attributes"] |= none
        answer = await door.post(document)
        assert (answer.status, answer.json["data"].keys()) == (201, {"id", "type"})
        assert {"client_reference", "tags"}.isdisjoint(json.loads(door.producer.records[0].value or b""))


MANY = [
    {"destination": "15551234567", "content": "one", "client_reference": "order 1"},
    {"destination": "15551234568", "content": "two"},
    {"destination": "15551234567", "content": "three"},
]


def own(**more: Any) -> dict[str, Any]:
    """Return a request for messages with texts of their own."""
    attributes = {"source": "12125551234", "messages": MANY, **more}
    return {"data": {"type": "bulk_outbound_messages", "attributes": attributes}}


async def test_messages_of_their_own_are_one_submission() -> None:
    """201 with an id for each, in their order and with what each is called; the topic has all of them in one record."""
    async with open_door() as door:
        answer = await door.post(own(tags=["shop"], client_reference="all"), BULK)
        assert answer.status == 201
        data = answer.json["data"]
        assert [it["attributes"] for it in data] == [
            {
                "destination": it["destination"],
                "client_reference": it.get("client_reference", "all"),
                "tags": ["shop"],
            }
            for it in MANY
        ]
        (submission,) = door.producer.submissions()
        assert len(door.producer.records) == 1
        assert [(to.id, to.address, submission.text_of(to)) for to in submission.destinations] == [
            (told["id"], it["destination"], it["content"]) for told, it in zip(data, MANY, strict=True)
        ]
        assert len({it["id"] for it in data}) == 3


async def test_a_key_holds_for_messages_as_a_whole() -> None:
    """A repetition has the same ids and sends nothing; with a text, a value, a reference or the order changed: 409."""
    filled = [{"destination": "15551234567", "values": {"a": "x"}}]
    async with open_door() as door:
        first = await door.post(own(), BULK, idempotency_key="k")
        again = await door.post(own(), BULK, idempotency_key="k")
        assert (first.json, again.json) == (first.json, first.json)
        assert again.headers["idempotency-replayed"] == "true"
        assert len({it["id"] for it in first.json["data"]}) == 3
        for other in (
            own(messages=MANY[::-1]),
            own(messages=MANY[:2]),
            own(messages=[{**MANY[0], "content": "ONE"}, *MANY[1:]]),
            own(messages=[{**MANY[0], "client_reference": "order 2"}, *MANY[1:]]),
            bulk(destination=["15551234567", "15551234568"], content="one"),
        ):
            assert (await door.post(other, BULK, idempotency_key="k")).status == 409
        assert (await door.post(own(messages=filled, content="{{a}}"), BULK, idempotency_key="l")).status == 201
        for values in ({"a": "y"}, {"a": "x\u200b"}):
            changed = own(messages=[{**filled[0], "values": values}], content="{{a}}")
            assert (await door.post(changed, BULK, idempotency_key="l")).status == 409
        assert len(door.producer.records) == 2


async def test_one_bad_message_refuses_all_of_them() -> None:
    """Each problem is pointed at from the document's root, and nothing reaches the topic."""
    async with open_door() as door:
        bad = own(messages=[MANY[0], {"destination": "+1", "content": ""}, {**MANY[1], "more": 1}])
        answer = await door.post(bad, BULK)
        assert answer.status == 400
        assert_error_shape(answer, 400)
        assert [it["source"]["pointer"] for it in answer.json["errors"]] == [
            "/data/attributes/messages/1/destination",
            "/data/attributes/messages/1/content",
            "/data/attributes/messages/2/more",
        ]
        assert door.producer.records == []


async def test_messages_are_for_many() -> None:
    """To one message, and to a preview, it is an attribute that nobody knows."""
    async with open_door() as door:
        for document, path in ((single(messages=MANY), "/outbound_messages"), (asked(messages=MANY), PREVIEWS)):
            answer = await door.post(document, path)
            assert [it["detail"] for it in answer.json["errors"]] == ["messages is not a known attribute"]


@pytest.mark.parametrize(
    ("of_trunk", "asked", "content", "status"),
    [
        (None, None, "\u2019" * 671, 400),
        (None, "replace", "\u2019" * 671, 201),
        (SmartEncoding.REPLACE, None, "\u2019" * 671, 201),
        (SmartEncoding.REPLACE, "off", "\u2019" * 671, 400),
        (SmartEncoding.REPLACE, None, "ж" * 671, 400),
        (SmartEncoding.REPLACE, "transliterate", "ж" * 671, 201),
        (None, None, "e\u0301" * 1530, 201),
        (None, None, "e\u0301" * 1531, 400),
    ],
)
async def test_segments_are_counted_as_the_text_will_be_sent(
    of_trunk: SmartEncoding | None, asked: str | None, content: str, status: int
) -> None:
    """With what the message asks for, else with what its trunk says; the topic has the text as it came."""
    async with open_door({"smart_encoding": of_trunk}) as door:
        attributes = {"content": content} | ({} if asked is None else {"smart_encoding": asked})
        for document, path in ((single(**attributes), "/outbound_messages"), (bulk(**attributes), BULK)):
            assert (await door.post(document, path)).status == status
        for submission in door.producer.submissions():
            assert (submission.content, submission.smart_encoding) == (content, asked)


def in_an_hour(**more: int) -> str:
    return written(datetime.now(UTC) + timedelta(hours=1, **more))


@pytest.mark.parametrize(
    "asked",
    [{"send_at": True}, {"validity_period": 60}, {"send_at": True, "validity_period": 259_200, "tags": ["shop"]}],
    ids=str,
)
async def test_when_it_is_to_be_sent_comes_back(asked: dict[str, Any]) -> None:
    """In the answer, in the contract's form, also to a repetition; a bulk has an id by which all of it is cancelled."""
    async with open_door() as door:
        timing = {**asked, "send_at": in_an_hour()} if "send_at" in asked else asked
        for _ in range(2):
            answer = await door.post(single(**timing), idempotency_key="k")
            assert (answer.status, answer.json["data"]["attributes"]) == (201, timing)
        bulks = [await door.post(bulk(**timing), BULK, idempotency_key="b") for _ in range(2)]
        assert bulks[0].json == bulks[1].json
        assert [it["attributes"] for it in bulks[0].json["data"]] == [
            {"destination": number, **timing} for number in ("15551234567", "15551234568")
        ]
        one, many = door.producer.submissions()[0], door.producer.submissions()[-1]
        for submission in (one, many):
            assert (submission.send_at and written(submission.send_at)) == timing.get("send_at")
            assert submission.validity_period == timing.get("validity_period")
        assert one.id is None
        if "send_at" in asked:
            assert bulks[0].json["meta"] == {"bulk_id": many.id}
            assert many.id not in {it.id for it in many.destinations}
        else:
            assert (bulks[0].json.keys(), many.id) == ({"data"}, None)


async def test_send_at_may_have_another_offset_and_must_be_far_enough_ahead() -> None:
    """What is stored is UTC; a repetition may come when the time is over, and is answered as the first was."""
    async with open_door() as door:
        at = datetime.now(UTC) + timedelta(days=3)
        answer = await door.post(single(send_at=at.astimezone(timezone(timedelta(hours=-9, minutes=-30))).isoformat()))
        assert answer.json["data"]["attributes"] == {"send_at": written(at)}
        for seconds, status in ((50, 400), (70, 201), (35 * 86_400 - 10, 201), (35 * 86_400 + 10, 400)):
            near = written(datetime.now(UTC) + timedelta(seconds=seconds))
            assert (await door.post(single(send_at=near))).status == status
        over = written(datetime.now(UTC) - timedelta(minutes=5))
        assert (await door.post(single(send_at=over), idempotency_key="k")).status == 201
        long_over = written(datetime.now(UTC) - timedelta(days=2))
        assert (await door.post(single(send_at=long_over), idempotency_key="l")).status == 400


async def test_another_time_is_another_request() -> None:
    """The same key with another time, or another validity period, is refused."""
    async with open_door() as door:
        first = single(send_at=in_an_hour(), validity_period=60)
        assert (await door.post(first, idempotency_key="k")).status == 201
        for changed in ({"send_at": in_an_hour(minutes=1)}, {"validity_period": 61}, {"validity_period": None}):
            document = single(**{"send_at": first["data"]["attributes"]["send_at"], "validity_period": 60, **changed})
            assert (await door.post(document, idempotency_key="k")).status == 409


@pytest.mark.parametrize("none", [{"send_at": None}, {"validity_period": None}], ids=str)
async def test_no_time_is_as_if_left_out(none: dict[str, Any]) -> None:
    """Answer and record are what they are without the member."""
    async with open_door() as door:
        document = single()
        document["data"]["attributes"] |= none
        answer = await door.post(document)
        assert (answer.status, answer.json["data"].keys()) == (201, {"id", "type"})
        assert {"send_at", "validity_period", "id"}.isdisjoint(json.loads(door.producer.records[0].value or b""))


@pytest.mark.parametrize(
    ("path", "is_bulk"), [(A_MESSAGE, False), (A_BULK, True), (A_MESSAGE.replace("outbound", "%6futbound"), False)]
)
async def test_a_wish_to_cancel_is_accepted_and_stored(path: str, is_bulk: bool) -> None:
    """202 with what it is about; the topic has it under the trunk's key, and never under another's name."""
    async with open_door() as door:
        answer = await door.send(door.request(b"", path, "DELETE", content_type=None, content_length=None))
        kind = "bulk_outbound_messages" if is_bulk else "outbound_messages"
        identity = path.rpartition("/")[2]
        assert (answer.status, answer.reason, answer.headers["content-type"]) == (202, "Accepted", JSON_API)
        assert answer.json == {"data": {"id": identity, "type": kind}}
        (record,) = door.producer.records
        wish = CancelRequest.from_bytes(record.value or b"")
        assert (record.topic, record.key) == (CANCEL_REQUESTED, door.trunk.id.encode())
        assert (wish.trunk_id, wish.id, wish.bulk) == (door.trunk.id, identity, is_bulk or None)
        assert abs(datetime.now(UTC) - wish.requested_at) < timedelta(minutes=1)


async def test_a_wish_that_cannot_be_stored_is_to_be_asked_again() -> None:
    """A broker that is silent, and too many wishes at once: 503 and 429, with when to come again."""
    async with open_door(acknowledge_timeout_seconds=0.2, max_outstanding_per_trunk=1) as door:
        door.producer.silence()
        request = door.request(b"", A_MESSAGE, "DELETE")
        answers = await asyncio.gather(*(door.send(request) for _ in range(2)))
        assert sorted(it.status for it in answers) == [429, 503]
        assert {it.headers["retry-after"] for it in answers} == {"1"}
        for answer in answers:
            assert_error_shape(answer, answer.status)


async def test_single_message() -> None:
    """201 with the message's id and type, in exactly the contract's body; the topic has it under that id."""
    async with open_door() as door:
        answer = await door.post(single())

        assert (answer.status, answer.reason, answer.headers["content-type"]) == (201, "Created", JSON_API)
        message_id = answer.json["data"]["id"]
        assert UUID7.fullmatch(message_id)
        assert {"data": {"id": message_id, "type": "outbound_messages"}} == answer.json
        (submission,) = door.producer.submissions()
        assert (door.trunk.id, "12125551234", "Hello World!") == (
            submission.trunk_id,
            submission.source,
            submission.content,
        )
        assert [("15551234567", message_id)] == [(it.address, it.id) for it in submission.destinations]


async def test_bulk_message() -> None:
    """201 with an id for each destination in the order of the request; a number listed twice is one message."""
    async with open_door() as door:
        answer = await door.post(bulk(destination=["15551234567", "15551234568", "15551234567"]), BULK)

        assert answer.status == 201
        data = answer.json["data"]
        assert [it["attributes"]["destination"] for it in data] == ["15551234567", "15551234568"]
        assert [{"type", "id", "attributes"}] * 2 == [it.keys() for it in data]
        assert [it["type"] for it in data] == ["outbound_messages"] * 2
        assert len({it["id"] for it in data}) == 2
        (submission,) = door.producer.submissions()
        assert [(it["attributes"]["destination"], it["id"]) for it in data] == [
            (it.address, it.id) for it in submission.destinations
        ]


async def test_thousand_destinations() -> None:
    """The largest bulk request is one record and one answer."""
    numbers = [str(15550000000 + n) for n in range(1000)]
    async with open_door() as door:
        answer = await door.post(bulk(destination=numbers), BULK)

        assert answer.status == 201
        assert numbers == [it["attributes"]["destination"] for it in answer.json["data"]]
        assert len(door.producer.records) == 1


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({"content": "ж" * 70}, id="UCS-2"),
        pytest.param({"content": "a" * 1530}, id="ten segments"),
        pytest.param({"content": '12:30 "Tea" {\\} \u0000 😀'}, id="colons, quotes, NUL and an astral character"),
        pytest.param({"source": "MyBrand"}, id="alphanumeric sender"),
        pytest.param({"source": "123456789012345"}, id="longest sender"),
        pytest.param({"destination": "447700900123"}, id="test range"),
    ],
)
async def test_accepted_as_it_is(attributes: dict[str, str]) -> None:
    """What is syntactically right is taken unchanged; whether the sender is allowed is told by the callback."""
    async with open_door() as door:
        answer = await door.post(single(**attributes))

        assert answer.status == 201
        (submission,) = door.producer.submissions()
        sent = {**single(**attributes)["data"]["attributes"]}
        assert sent == {
            "destination": submission.destinations[0].address,
            "source": submission.source,
            "content": submission.content,
        }


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"content_type": "Application/VND.API+JSON"}, id="media types have no case"),
        pytest.param({"content_encoding": "identity"}, id="identity is no compression"),
        pytest.param({"content_encoding": ""}, id="an empty list of codings is none"),
        pytest.param({"content_encoding": " ,, "}, id="nor are empty members"),
        pytest.param({"content_encoding": ", Identity ,"}, id="beside which others count"),
        pytest.param({"expect": ""}, id="an empty list of expectations is none"),
        pytest.param({"expect": " , "}, id="nor are its empty members"),
        pytest.param({"x_forwarded_for": ""}, id="an empty X-Forwarded-For is none"),
        pytest.param({"accept": ""}, id="an empty Accept is none"),
        pytest.param({"accept": ","}, id="nor is one of empty members"),
        pytest.param({"accept": "*/*"}, id="anything"),
        pytest.param({"accept": "application/*"}, id="anything of that kind"),
        pytest.param({"accept": "Application/VND.API+JSON"}, id="accepted types have no case"),
        pytest.param({"accept": "application/vnd.api+json;q=0.001"}, id="a little is enough"),
        pytest.param({"accept": 'application/vnd.api+json; profile="https://example.com/a,b;c"'}, id="a profile"),
        pytest.param({"accept": "application/vnd.api+json;charset=utf-8, application/vnd.api+json"}, id="one is plain"),
        pytest.param({"accept": "text/html, */*; q=0.1"}, id="the last resort"),
        pytest.param({"accept": "application/json"}, id="JSON is what it is, too"),
        pytest.param({"accept": "application/json;q=0, text/plain, */*"}, id="its own name counts more"),
        pytest.param({"accept": "text/html\r\nAccept: application/vnd.api+json"}, id="in another line"),
    ],
)
async def test_accepted_headers(headers: dict[str, str]) -> None:
    """Headers that change nothing."""
    async with open_door() as door:
        assert (await door.post(single(), **headers)).status == 201


@pytest.mark.parametrize("path", ["/outbound_messages?trace=1", "http://sms-out.example/outbound_messages"])
async def test_other_forms_of_the_same_target(path: str) -> None:
    """A query string and the absolute form (RFC 9112 section 3.2.2) lead to the same resource."""
    async with open_door() as door:
        assert (await door.post(single(), path)).status == 201


@pytest.mark.parametrize("members", [{"jsonapi": {"version": "1.1"}}, {"meta": {"a": 1}}])
async def test_other_top_level_members_are_ignored(members: dict[str, object]) -> None:
    """JSON:API demands to ignore members that one does not know."""
    async with open_door() as door:
        assert (await door.post({**single(), **members})).status == 201


@pytest.mark.parametrize(("path", "document"), [("/outbound_messages", single), (BULK, bulk)])
async def test_repeated_request_is_replayed(path: str, document: Callable[..., dict[str, Any]]) -> None:
    """The same Idempotency-Key and request: the same 201 with `Idempotency-Replayed: true`, and one message."""
    async with open_door() as door:
        first = await door.post(document(), path, idempotency_key="~" * 255)
        again = await door.post(json.dumps(document(), indent=4).encode(), path, idempotency_key="~" * 255)

        assert (first.status, "idempotency-replayed" in first.headers) == (201, False)
        assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
        assert first.body == again.body
        assert len(door.producer.submissions()) == 1


@pytest.mark.parametrize(
    ("path", "document"),
    [
        pytest.param("/outbound_messages", single(content="Hi"), id="another text"),
        pytest.param("/outbound_messages", single(source="12125551235"), id="another sender"),
        pytest.param("/outbound_messages", single(destination="15551234568"), id="another number"),
        pytest.param("/outbound_messages", single(client_reference="order 4711"), id="another reference"),
        pytest.param("/outbound_messages", single(tags=["shop"]), id="other tags"),
        pytest.param("/outbound_messages", single(smart_encoding="off"), id="another smart encoding"),
        pytest.param(BULK, bulk(destination=["15551234567"]), id="another endpoint"),
    ],
)
async def test_key_of_another_request(path: str, document: dict[str, Any]) -> None:
    """409 in the contract's shape, which names the header, and nothing reaches the topic."""
    async with open_door() as door:
        assert (await door.post(single(), idempotency_key="k")).status == 201
        answer = await door.post(document, path, idempotency_key="k")

        assert answer.status == 409
        assert_error_shape(answer, 409)
        assert answer.json["errors"][0]["source"] == {"header": "Idempotency-Key"}
        assert len(door.producer.records) == 1


async def test_401_is_the_same_for_every_reason() -> None:
    """Unknown user, wrong password, address not allowed: same status, body and challenge, nothing to learn from."""

    async def refused(door: OpenDoor, authorization: str) -> tuple[int, bytes, str]:
        answer = await door.post(single(), authorization=authorization)
        return answer.status, answer.body, answer.headers["www-authenticate"]

    async with open_door() as door, open_door({"allowed_ips": ("192.0.2.0/24",)}) as closed_door:
        outcomes = {
            await refused(door, "Basic bm9ib2R5Om5vdGhpbmc="),
            await refused(door, door.authorization[:-8] + "AAAAAAA="),
            await refused(closed_door, closed_door.authorization),
        }

        assert len(outcomes) == 1
        status, _, challenge = outcomes.pop()
        assert (status, challenge) == (401, 'Basic realm="HTTP OUT SMS trunk", charset="UTF-8"')
        assert door.producer.records + closed_door.producer.records == []


async def test_blocked_trunk_is_accepted() -> None:
    """Authorization is asynchronous: 201, and the callback says code_id 5."""
    async with open_door({"blocked": True}) as door:
        assert (await door.post(single())).status == 201


async def test_405_names_the_allowed_method() -> None:
    """`Allow` is required with a 405 (RFC 9110 section 15.5.6); HEAD gets the head alone."""
    async with open_door() as door:
        for method in ("GET", "HEAD", "DELETE"):
            answer = await door.send(door.request(b"", method=method))
            assert (answer.status, answer.headers["allow"]) == (405, "POST")


async def test_broken_http_is_answered_in_the_same_shape() -> None:
    """A request that is none gets a 400 like all others, and the connection ends."""
    async with open_door() as door:
        for raw in (
            b"NONSENSE\r\n\r\n",
            b"POST /outbound_messages HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        ):
            answer = await door.send(raw)
            assert answer.status == 400
            assert_error_shape(answer, 400)
            assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/" + "a" * 8000, {}, 414),
        ("/outbound_messages", {"x": "a" * 8191}, 431),
        ("/outbound_messages", {f"x{n}": "a" * 8000 for n in range(5)}, 431),
        ("/outbound_messages", {f"x{n}": "a" for n in range(100)}, 431),
    ],
)
async def test_a_head_that_is_too_large(path: str, headers: dict[str, str | None], status: int) -> None:
    """What is too large about it decides the status; the connection ends."""
    async with open_door() as door:
        answer = await door.post(single(), path, **headers)
        assert answer.status == status
        assert_error_shape(answer, status)
        assert answer.headers["connection"] == "close"
        assert door.producer.records == []


async def test_error_texts_are_ascii_json() -> None:
    """Names that a client made up come back harmless: no raw control characters or half surrogates."""
    body = json.dumps(single()).replace('"source"', '"\\ud800\\u0007": 1, "source"').encode()
    async with open_door() as door:
        answer = await door.post(body)

        assert answer.status == 400
        assert answer.body.isascii()
        assert answer.details == ["\\ud800\\x07 is not a known attribute"]


DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "http-api.md").read_text()


def code_blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


def test_document_explains_every_code_id() -> None:
    """docs/http-api.md has a row for each number that a callback may carry, and no other."""
    _, table = DOCUMENT.split("### code_id\n")
    rows = re.findall(r"^\| (\d+) \| (Routing error|Failed) \|", table, re.MULTILINE)
    assert [(str(int(it)), it < 100 and it is not CodeId.IN_DOUBT) for it in CodeId] == [
        (number, status == StatusName.ROUTING_ERROR) for number, status in rows
    ]


def test_documents_signature_sample_works() -> None:
    """The sample accepts what is signed with the trunk's secret, and refuses the same with another body."""
    (sample,) = code_blocks("python")
    names: dict[str, Any] = {}
    exec(sample, names)  # noqa: S102  # the sample is ours
    secret = new_callback_secret()
    bodies = [it.strip().encode() for it in code_blocks("json") if "outbound_message_callbacks" in it]
    for body in bodies:
        headers = signed_headers((secret,), "some-id", time.time(), body)
        assert json.loads(body) == names["receive"](body, headers, secret.secret)
        with pytest.raises(WebhookVerificationError):
            names["receive"](body + b" ", headers, secret.secret)
    assert bodies


@pytest.mark.parametrize("block", [it for it in code_blocks("json") if '"errors"' in it])
def test_documents_errors_have_the_shape(block: str) -> None:
    """Every error in the document is one that the door could give."""
    for error in json.loads(block)["errors"]:
        status = int(error["status"])
        assert {"title", "detail", "code", "status"} == error.keys() - {"source", "meta"}
        assert (ALL_TITLES[status], str(status)) == (error["title"], error["code"])


async def test_documents_requests_are_accepted() -> None:
    """Every request of the document, as it stands there; the one with a key can be sent again."""
    async with open_door() as door:
        for block in code_blocks("http"):
            if block.startswith("DELETE "):
                path = block.split()[1]
                assert (await door.send(door.request(b"", path, "DELETE"))).status == 202
                continue
            head, body = block.replace("2026-11-23T07:30:00Z", in_an_hour()).split("\n\n", 1)
            request, *lines = head.split("\n")
            fields = dict(line.split(": ", 1) for line in lines)
            key = fields.get("Idempotency-Key")
            path = request.split()[1]
            answers = [await door.post(body.encode(), path, idempotency_key=key) for _ in range(2 if key else 1)]
            assert [it.status for it in answers] == [200 if path == PREVIEWS else 201] * len(answers)
            assert answers[-1].headers.get("idempotency-replayed") == ("true" if key else None)
        keyed = ["Idempotency-Key" in it for it in code_blocks("http") if PREVIEWS not in it and "DELETE" not in it]
        assert [it.idempotency_key is not None for it in door.producer.submissions()] == keyed
        assert True in keyed
