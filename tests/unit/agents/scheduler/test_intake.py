"""What comes is written on with its commit; what cannot be read is set aside."""

from datetime import timedelta

import pytest

from agents.scheduler.intake import WISHED_FOR, Intake
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.consuming.work import Work
from pipeline.scheduling.deferred_row import trace_headers
from schemas.headers.trace import TraceContext
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.destination import Destination
from schemas.record import InRecord, OutRecord
from schemas.state.deferred import Deferred
from schemas.topics import CANCEL_REQUESTED, DEFERRED, SCHEDULED, dead_letter_topic
from tests.builders import CREATED, DESTINATION, in_record, submission, uuid

DUE = CREATED + timedelta(hours=1)
PART = submission(Destination(address=DESTINATION, id=uuid(61)), id=uuid(99), send_at=DUE, accepted_at=CREATED)
WISH = CancelRequest(trunk_id=uuid(11), id=uuid(61), requested_at=CREATED)


async def taken(*records: InRecord) -> list[OutRecord]:
    """Return what is written with the commit that passes these."""
    assignment = Assignment()
    works = []
    for offset, record in enumerate(records):
        assignment.hand_out(offset)
        works.append(Work(record._replace(offset=offset, partition=3), assignment))

    async def may_begin(work: Work) -> bool:
        return work.begin()

    await Intake(lambda: CREATED).take(works, may_begin)
    assert assignment.position == len(records)
    return assignment.take_outbox(len(records))


async def test_messages_and_wishes_are_kept_under_names_of_their_own() -> None:
    """In the partition that they came in; a wish for as long as what it is about may come."""
    bulk = WISH.model_copy(update={"id": uuid(99), "bulk": True})
    records = [(SCHEDULED, PART), (CANCEL_REQUESTED, WISH), (CANCEL_REQUESTED, bulk)]
    kept = await taken(*(in_record(topic, it.to_bytes()) for topic, it in records))
    assert {(it.topic, it.partition) for it in kept} == {(DEFERRED, 3)}
    assert [it.key for it in kept] == [
        f"message:{uuid(11)}:{uuid(61)}".encode(),
        f"cancel:{uuid(11)}:{uuid(61)}".encode(),
        f"cancel-bulk:{uuid(11)}:{uuid(99)}".encode(),
    ]
    assert [Deferred.from_bytes(it.value or b"") for it in kept] == [
        Deferred(due_at=DUE, message=PART),
        Deferred(due_at=CREATED + WISHED_FOR, cancel=WISH),
        Deferred(due_at=CREATED + WISHED_FOR, cancel=bulk),
    ]


async def test_what_waits_keeps_its_trace() -> None:
    """As headers of what follows from it, a month later; what has none, or a bad one, has none then."""
    context = TraceContext("a" * 32, "b" * 16, sampled=True, state="v=1")
    records = [
        in_record(SCHEDULED, PART.to_bytes(), headers=headers)
        for headers in (context.headers(), (), (("traceparent", b"00-1"),))
    ]
    kept = await taken(*records)
    assert [trace_headers(it.value or b"") for it in kept] == [context.headers(), (), ()]
    assert all(Deferred.from_bytes(it.value or b"").message == PART for it in kept)


@pytest.mark.parametrize("far", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_a_wish_from_another_age_is_kept_as_long_as_any(far: str) -> None:
    """A producer may write any time."""
    value = WISH.to_bytes().replace(b"2026-01-01T00:00:00Z", far.encode())
    (kept,) = await taken(in_record(CANCEL_REQUESTED, value))
    assert Deferred.from_bytes(kept.value or b"").due_at == CREATED + WISHED_FOR


@pytest.mark.parametrize(
    ("topic", "value"),
    [
        (SCHEDULED, None),
        (SCHEDULED, b"{"),
        (SCHEDULED, PART.model_copy(update={"send_at": None}).to_bytes()),
        (SCHEDULED, PART.model_copy(update={"destinations": ()}).to_bytes()),
        (SCHEDULED, PART.model_copy(update={"destinations": PART.destinations * 2}).to_bytes()),
        (SCHEDULED, PART.model_copy(update={"trunk_id": "x"}).to_bytes()),
        (SCHEDULED, PART.to_bytes().replace(uuid(61).encode(), uuid(61).encode() + b"\\n")),
        (CANCEL_REQUESTED, None),
        (CANCEL_REQUESTED, b"[]"),
        (CANCEL_REQUESTED, WISH.to_bytes().replace(b'"id"', b'"ids"')),
        (CANCEL_REQUESTED, WISH.to_bytes().replace(b'"schema_version":1', b'"schema_version":2')),
    ],
)
async def test_what_cannot_be_read_is_a_dead_letter(topic: str, value: bytes | None) -> None:
    """And what came with it is kept."""
    letter, kept = await taken(in_record(topic, value), in_record(SCHEDULED, PART.to_bytes()))
    assert (letter.topic, letter.value, kept.topic) == (dead_letter_topic(topic), value, DEFERRED)


async def test_work_that_is_not_ours_any_more_is_left() -> None:
    """Its new owner writes it on."""
    assignment = Assignment()
    assignment.hand_out(0)
    assignment.lose()

    async def may_begin(work: Work) -> bool:
        return work.begin()

    await Intake().take([Work(in_record(SCHEDULED, PART.to_bytes()), assignment)], may_begin)
    assert assignment.take_outbox(1) == []
