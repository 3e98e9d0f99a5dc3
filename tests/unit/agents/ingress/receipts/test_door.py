"""Carriers' receipts at the door: who may post them, and what comes of them."""

import asyncio
from typing import Any

import pytest

from agents.ingress import writing
from agents.ingress.receipts.door import MAX_BODY_BYTES
from pipeline.carriers.receipt_reference import receipt_token, receipt_url
from pipeline.errors import NotAcknowledged
from schemas.directory.carrier import Profile
from schemas.identifiers import segment_id
from schemas.messages.dlr import MessageState, SegmentReceipt, UnmatchedReceipt
from schemas.topics import DLR_RECEIVED, DLR_UNMATCHED
from tests.builders import RECEIPT_KEY, carrier, uuid
from tests.unit.agents.ingress.harness import Answered, OpenDoor, open_door

RECEIPT = {"id": "c-1", "status": "DELIVRD"}


def path(seqnum: int = 1, name: str = "carrier 21", key: bytes = RECEIPT_KEY) -> str:
    return receipt_url("http://x", name, segment_id(uuid(61), seqnum), key).removeprefix("http://x")


async def post(
    door: OpenDoor, address: str, body: Any = RECEIPT, method: str = "POST", **headers: str | None
) -> Answered:
    usual: dict[str, str | None] = {"content_type": "application/json", "authorization": None}
    return await door.send(door.request(body, address, method, **usual | headers))


def stored(door: OpenDoor) -> list[SegmentReceipt]:
    assert {it.topic for it in door.producer.records} <= {DLR_RECEIVED}
    return [SegmentReceipt.from_bytes(it.value or b"") for it in door.producer.records]


async def test_a_receipt_is_stored_under_its_message_before_it_is_answered() -> None:
    """The segment is the reference's, whatever the body says; credentials and media type are no matter."""
    async with open_door() as door:
        body = {**RECEIPT, "message_id": uuid(99), "segment_id": "another:9", "status": "UNDELIV", "error": "045"}
        answer = await post(door, path(2), body)
        (receipt,) = stored(door)
        assert (answer.status, answer.body) == (200, b"")
        assert (receipt.message_id, receipt.seqnum, receipt.carrier_id) == (uuid(61), 2, uuid(21))
        assert (receipt.state, receipt.error_code, receipt.carrier_message_id) == (
            MessageState.UNDELIVERABLE, "045", "c-1",
        )  # fmt: skip
        assert door.producer.records[0].key == uuid(61).encode()


async def test_no_acknowledgement_no_answer_that_says_so() -> None:
    """The carrier posts it again after a 503; the process ends, as after any failed write."""
    async with open_door(acknowledge_timeout_seconds=0.05) as door:

        async def never(records: Any) -> Any:
            await asyncio.Event().wait()

        door.producer.write = never  # type: ignore[method-assign]
        answer = await post(door, path())
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    async with open_door() as door:
        door.producer.error = NotAcknowledged("no")
        assert (await post(door, path())).status == 503
        door.producer.error = None
        assert (await post(door, path())).status == 503


async def test_ten_thousand_replays_are_one_record() -> None:
    """Whatever the carrier repeats costs the broker nothing; what is new is stored."""
    async with open_door() as door:
        statuses = {(await post(door, path())).status for _ in range(200)}
        for _ in range(49):
            answers = await asyncio.gather(*(post(door, path()) for _ in range(200)))
            statuses |= {it.status for it in answers}
        assert statuses == {200}
        assert len(stored(door)) == 1
        await post(door, path(), {**RECEIPT, "status": "ACCEPTD"})
        await post(door, path(3))
        assert [(it.seqnum, it.state) for it in stored(door)[1:]] == [
            (1, MessageState.ACCEPTED), (3, MessageState.DELIVERED),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (path(name="another"), 404),
        (path(name="carrier 21").replace("carrier%2021", "another"), 403),
        (path(key=b"another key of at least 32 characters"), 403),
        (path()[:-1], 403),
        (path()[:-1] + "é", 400),
        (path() + "A", 403),
        (path() + "?x=1", 200),
        (path() + "/", 404),
        ("/carriers/carrier%2021/receipts/", 404),
        ("/carriers/carrier%2021", 404),
        ("/carriers/carrier%2021/receipts", 403),
        ("/carriers/carrier%2021/receipts?token=", 403),
        ("/carriers/", 404),
        ("/carriers//receipts/x", 404),
        ("/carriers/" + "x" * 1000 + "/receipts/x", 404),
    ],
    ids=range(15),
)  # fmt: skip
async def test_strangers_change_nothing_and_get_a_clear_answer(address: str, status: int) -> None:
    """Another carrier's reference, another key, cut, changed or longer ones, no reference at all."""
    async with open_door() as door:
        answer = await post(door, address)
        assert answer.status == status
        if status != 200:
            assert len(answer.details) == 1
            assert stored(door) == []


async def test_a_stranger_is_answered_before_the_body_has_come() -> None:
    """Nothing is read of it, and the connection ends."""
    async with open_door() as door:
        head = door.request(b"", path(key=b"x" * 40), content_length=str(10_000_000), authorization=None)
        answer = await door.send(head)
        assert (answer.status, answer.headers["connection"]) == (403, "close")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x" * (MAX_BODY_BYTES + 1), {}, 413),
        (b"x", {"content_length": "99999999"}, 413),
        (b"\x1f\x8b", {"content_encoding": "gzip"}, 415),
        (b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><x>&b;</x>', {"content_type": "text/xml"}, 400),
        (b"", {}, 400),
        (b'{"id":"c","status":"OK"}', {}, 400),
        (b"[" * 60_000, {}, 400),
    ],
    ids=["huge", "said to be huge", "packed", "XML bomb", "empty", "no state", "deep"],
)  # fmt: skip
async def test_hostile_bodies_are_refused(body: bytes, headers: dict[str, str], status: int) -> None:
    """With a reference that is right, too."""
    async with open_door() as door:
        answer = await post(door, path(), body, **headers)
        assert (answer.status, stored(door)) == (status, [])
        assert len(answer.details) == 1


async def test_only_post_and_get() -> None:
    """The methods that carriers use."""
    async with open_door() as door:
        answer = await post(door, path(), method="PUT")
        assert (answer.status, answer.headers["allow"]) == (405, "POST, GET")
        # A query is read as well; the practice carrier has none.
        assert (await post(door, path(), b"", method="GET")).status == 400


async def test_the_carrier_may_have_gone_since() -> None:
    """Its references stay right, and nobody can say how to read what comes."""
    async with open_door() as door:
        door.directory.apply(b"carrier:" + uuid(21).encode(), None)
        answer = await post(door, path())
        assert (answer.status, answer.details) == (404, ["there is no such carrier any more"])
        renamed = carrier(name="carrier 22")
        door.directory.apply(b"carrier:" + uuid(21).encode(), renamed.to_bytes())
        assert (await post(door, path())).status == 404
        assert (await post(door, path(name="carrier 22"))).status == 200


async def test_too_many_that_wait_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded while the broker is slow."""
    monkeypatch.setattr(writing, "MAX_WAITING", 2)
    async with open_door(acknowledge_timeout_seconds=5) as door:
        let_go = asyncio.Event()
        write = door.producer.write

        async def held(records: Any) -> Any:
            written = list(records)
            await let_go.wait()
            return await write(written)

        door.producer.write = held  # type: ignore[method-assign]
        first = [asyncio.create_task(post(door, path(n))) for n in range(1, 9)]
        while sum(it.done() for it in first) < 6:
            await asyncio.sleep(0.01)
        let_go.set()
        answers = [(await it).status for it in first]
        assert sorted(answers) == [200] * 2 + [503] * 6
        assert len(stored(door)) == 2


TOKEN_URL = "/carriers/carrier%2021/receipts"
TOKEN = receipt_token("carrier 21", RECEIPT_KEY)


@pytest.mark.parametrize(
    ("address", "authorization", "status"),
    [
        (f"{TOKEN_URL}?token={TOKEN}", None, 200),
        (f"{TOKEN_URL}?x=1&token={TOKEN}", "Basic eDp5", 200),
        (TOKEN_URL, f"Bearer {TOKEN}", 200),
        (TOKEN_URL, f"Basic {TOKEN}", 403),
        (TOKEN_URL, f"Bearer {TOKEN[:-1]}", 403),
        (f"{TOKEN_URL}?token={TOKEN}x", None, 403),
        (f"{TOKEN_URL}?token={receipt_token('carrier 22', RECEIPT_KEY)}", None, 403),
        (f"/carriers/carrier%2022/receipts?token={receipt_token('carrier 22', RECEIPT_KEY)}", None, 404),
    ],
    ids=range(8),
)
async def test_a_carrier_that_is_given_no_address_has_a_token(
    address: str, authorization: str | None, status: int
) -> None:
    """What it reports is stored under its own id, until it is known which segment that is."""
    async with open_door() as door:
        assert (await post(door, address, authorization=authorization)).status == status
        if status != 200:
            assert door.producer.records == []
            return
        (record,) = door.producer.records
        assert (record.topic, record.key) == (DLR_UNMATCHED, f"{uuid(21)}:c-1".encode())
        receipt = UnmatchedReceipt.from_bytes(record.value or b"")
        assert (receipt.carrier_message_id, receipt.state) == ("c-1", MessageState.DELIVERED)
        assert (await post(door, address, authorization=authorization)).status == 200
        assert len(door.producer.records) == 1


NAMELESS = """
version: "1"
name: Nameless
about: Reports by a word alone
default_url: https://example.net
request:
  urls: "{url}"
  body: {json: {text: "{text}"}}
answers:
  - {status: 2xx, outcome: accepted}
receipts:
  id: {field: id}
  state: {field: state}
  answer: {body: ACK/Jasmin}
"""


async def test_a_carrier_is_read_and_answered_as_its_profile_says() -> None:
    """By its field names, in a query too; an id that is missing could be anybody's, but with a reference."""
    nameless = carrier(profile="nameless")
    own = Profile(id="nameless", text=NAMELESS)
    async with open_door(entries=[nameless, own]) as door:
        answer = await post(door, f"{TOKEN_URL}?token={TOKEN}&state=DELIVRD", b"", method="GET")
        assert (answer.status, answer.details) == (400, ["a report does not name what it is about"])
        assert door.producer.records == []
        answer = await post(door, f"{path()}?state=stat:UNDELIV%20err:001", b"", method="GET")
        assert (answer.status, answer.body) == (200, b"ACK/Jasmin")
        assert [it.state for it in stored(door)] == [MessageState.UNDELIVERABLE]


async def test_a_carrier_whose_profile_has_gone_posts_again_later() -> None:
    """Nothing is lost while an operator puts it right."""
    async with open_door(entries=[carrier(profile="nowhere")]) as door:
        answer = await post(door, path())
        assert (answer.status, "retry-after" in answer.headers) == (503, True)
