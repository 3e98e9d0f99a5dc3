"""Requests with an Idempotency-Key, at one door that is told what others have written."""

import asyncio

import pytest

from pipeline.idempotency.keys import KEPT_MS, digest_of
from pipeline.kafka.producer import javas_partition_of
from schemas.identifiers import message_id_from_idempotency_key
from schemas.messages.submission import Submission
from schemas.record import OutRecord
from schemas.topics import SUBMITTED
from tests.builders import uuid
from tests.contract.bad_requests import BULK
from tests.unit.agents.ingress.harness import Answered, OpenDoor, bulk, open_door, single

REPLAYED = "idempotency-replayed"


def replayed(answers: list[Answered]) -> list[tuple[int, str | None]]:
    return [(answer.status, answer.headers.get(REPLAYED)) for answer in answers]


async def until_written(door: OpenDoor, records: int) -> None:
    async with asyncio.timeout(30):
        while len(door.producer.records) < records:
            await asyncio.sleep(0.005)


def write_elsewhere(door: OpenDoor, submission: Submission) -> None:
    """What another process, or a direct producer, puts into the topic."""
    key = door.trunk.id.encode()
    partition = javas_partition_of(key, 4)
    door.producer.records.append(OutRecord(SUBMITTED, key, submission.to_bytes(), (), partition))


async def test_key_and_digest_are_in_the_record() -> None:
    """The processor decides by them; the ids follow from trunk, key and destination."""
    async with open_door() as door:
        answer = await door.post(bulk(), BULK, idempotency_key="a key")

        numbers = ["15551234567", "15551234568"]
        ids = [message_id_from_idempotency_key(door.trunk.id, "a key", number) for number in numbers]
        (submission,) = door.producer.submissions()
        assert (submission.idempotency_key, submission.idempotency_digest) == (
            "a key",
            digest_of("bulk_outbound_messages", "12125551234", "Hello World!", numbers),
        )
        assert [it.id for it in submission.destinations] == [it["id"] for it in answer.json["data"]] == ids


async def test_bulk_is_replayed() -> None:
    """The same body, whatever the white space and the order of members; nothing more is written."""
    async with open_door() as door:
        document = bulk()
        answers = [await door.post(document, BULK, idempotency_key="k")]
        document["data"]["attributes"] = dict(reversed(document["data"]["attributes"].items()))
        answers.append(await door.post(document, BULK, idempotency_key="k"))

        assert replayed(answers) == [(201, None), (201, "true")]
        assert answers[0].body == answers[1].body
        assert len(door.producer.records) == 1


async def test_other_trunks_and_other_keys_are_apart() -> None:
    """The key belongs to the trunk, and is told apart by case."""
    async with open_door() as door, open_door({"id": uuid(12)}) as other:
        answers = [await door.post(single(), idempotency_key=key) for key in ("k", "K", "k2")]
        answers.append(await other.post(single(), idempotency_key="k"))

        assert replayed(answers) == [(201, None)] * 4
        assert len({answer.body for answer in answers}) == 4


async def test_same_request_twice_at_once_is_written_once() -> None:
    """The second waits for the first, and is its replay."""
    async with open_door() as door:
        door.producer.silence()
        tasks = [asyncio.create_task(door.post(single(), idempotency_key="k")) for _ in range(5)]
        await until_written(door, 1)
        await asyncio.sleep(0.05)
        door.producer.speak()
        answers = await asyncio.gather(*tasks)

        assert sorted(replayed(answers), key=str) == [(201, "true")] * 4 + [(201, None)]
        assert len(door.producer.records) == 1


async def test_first_one_elsewhere_wins() -> None:
    """Another process was first by a moment: its message is the one, and both have answered the same."""
    async with open_door() as first, open_door() as second:
        await first.post(single(), idempotency_key="k")
        write_elsewhere(second, first.producer.submissions()[0])

        answers = [await second.post(single(), idempotency_key="k") for _ in range(2)]

        assert replayed(answers) == [(201, "true")] * 2
        assert len(second.producer.records) == 2  # it could not know, and knows now


async def test_another_request_elsewhere_wins() -> None:
    """The same for another body: 409, although it was written; the processor refuses it too."""
    async with open_door() as first, open_door() as second:
        await first.post(single(content="Other"), idempotency_key="k")
        write_elsewhere(second, first.producer.submissions()[0])

        answer = await second.post(single(), idempotency_key="k")

        assert (answer.status, answer.json["errors"][0]["source"]) == (409, {"header": "Idempotency-Key"})


@pytest.mark.parametrize(("after_ms", "outcome"), [(KEPT_MS - 1, (201, "true")), (KEPT_MS, (201, None))])
async def test_kept_for_a_day(after_ms: int, outcome: tuple[int, str | None]) -> None:
    """24 hours by the broker's clock."""
    async with open_door() as door:
        await door.post(single(), idempotency_key="k")
        door.claims.now_ms += after_ms

        assert replayed([await door.post(single(), idempotency_key="k")]) == [outcome]


async def test_in_doubt_is_safe_to_repeat() -> None:
    """No acknowledgement: 503 with the id; when the broker wakes up, the repetition gets that id."""
    async with open_door(acknowledge_timeout_seconds=5) as door:
        door.producer.silence()
        task = asyncio.create_task(door.post(single(), idempotency_key="k"))
        await until_written(door, 1)
        door.clock.now += 6
        doubtful = await task
        door.producer.speak()
        door.clock.now += 1
        while not door.submitter.broker_answers:
            await asyncio.sleep(0)
        again = await door.post(single(), idempotency_key="k")

        assert doubtful.status == 503
        assert doubtful.json["errors"][0]["meta"]["message_id"] == again.json["data"]["id"]
        assert replayed([again]) == [(201, "true")]


async def test_keys_that_cannot_be_read_are_in_doubt() -> None:
    """The topic does not say in time who holds the key: 503 with the id, never a guess; unkeyed requests go on."""
    async with open_door(acknowledge_timeout_seconds=0.2) as door:
        door.claims.blind = True
        doubtful = await door.post(single(), idempotency_key="k")
        unkeyed = await door.post(single())
        door.claims.blind = False
        again = await door.post(single(), idempotency_key="k")

        assert (doubtful.status, unkeyed.status) == (503, 201)
        assert doubtful.json["errors"][0]["meta"]["message_id"] == again.json["data"]["id"]
        assert replayed([again]) == [(201, "true")]


async def test_store_that_is_lost_refuses_before_anything_is_written() -> None:
    """503 without an id: nothing of the request was sent."""
    async with open_door() as door:
        door.claims.lost = True
        answer = await door.post(single(), idempotency_key="k")

        assert answer.status == 503
        assert "meta" not in answer.json["errors"][0]
        assert door.producer.records == []


async def test_room_is_given_back() -> None:
    """Whatever a keyed request ends in, it takes no room afterwards."""
    async with open_door() as door:
        for content in ("a", "a", "b"):
            await door.post(single(content=content), idempotency_key="k")

        assert door.api.outstanding.total == 0
