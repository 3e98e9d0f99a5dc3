"""Carriers' receipts at the door: who may post them, and what comes of them."""

import asyncio
from typing import Any

import pytest

from agents.ingress.receipts import writer
from agents.ingress.receipts.door import MAX_BODY_BYTES
from pipeline.carriers.receipt_reference import receipt_url
from pipeline.errors import NotAcknowledged
from schemas.dlr import MessageState, SegmentReceipt
from schemas.identifiers import segment_id
from schemas.topics import DLR_RECEIVED
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
        assert (answer.status, answer.json) == (200, {"meta": {"receipts": 1}})
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
        ("/carriers/", 404),
        ("/carriers//receipts/x", 404),
        ("/carriers/" + "x" * 1000 + "/receipts/x", 404),
    ],
    ids=range(13),
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
    monkeypatch.setattr(writer, "MAX_WAITING", 2)
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
