"""A request that brings a trace, one that brings nonsense, and one that brings none."""

import asyncio
from typing import Any

import pytest

from agents.ingress.submit import MAX_RECORD_VALUE_BYTES, Submitter
from pipeline.tracing.spans import MESSAGE_ID, STATUS_CODE, SpanKind, Tracing
from schemas.headers.trace import TraceContext
from schemas.identifiers import uuid7
from schemas.messages.submission import Submission
from tests.event_loop import settle
from tests.fakes.producer import ProducerInMemory
from tests.fakes.tracer import TracerInMemory
from tests.unit.agents.ingress.harness import open_door

TRACE, SPAN = "a" * 32, "b" * 16
GIVEN = f"00-{TRACE}-{SPAN}-01"
GOOD = {
    "data": {
        "type": "outbound_messages",
        "attributes": {"source": "12125551234", "destination": "15551234567", "content": "Hello"},
    }
}


async def test_without_a_collector_it_rides_as_it_came() -> None:
    """In the headers of the record; the value, and the record of a request without it, are as ever."""
    async with open_door() as door:
        assert (await door.post(GOOD, traceparent=GIVEN, tracestate="v=1")).status == 201
        assert (await door.post(GOOD)).status == 201
        traced, plain = door.producer.records
    assert traced.headers == (("traceparent", GIVEN.encode()), ("tracestate", b"v=1"))
    assert plain.headers == ()
    assert b"trace" not in (traced.value or b"")


@pytest.mark.parametrize("given", ["", "nonsense", f"00-{'0' * 32}-{SPAN}-01", GIVEN + "-x", "00-" + "é" * 40])
async def test_nonsense_is_ignored(given: str) -> None:
    """Nobody's message is refused for it."""
    async with open_door() as door:
        assert (await door.post(GOOD, traceparent=given)).status == 201
        assert [it.headers for it in door.producer.records] == [()]


async def test_a_span_of_the_request_is_the_records_parent() -> None:
    """It has the message's id, and ends with the answer; a trace may begin here, too."""
    tracer = TracerInMemory()
    async with open_door(tracing=Tracing(tracer)) as door:
        for headers in ({"traceparent": GIVEN}, {}):
            assert (await door.post(GOOD, **headers)).status == 201
        records = door.producer.records
    child, root = tracer.spans
    assert (child.name, child.kind, child.parent) == (
        "POST /outbound_messages", SpanKind.SERVER, TraceContext(TRACE, SPAN, sampled=True),
    )  # fmt: skip
    assert root.parent is None
    for span, record in zip(tracer.spans, records, strict=True):
        assert span.context is not None
        assert record.headers == span.context.headers()
        (destination,) = Submission.from_bytes(record.value or b"").destinations
        assert span.attributes == {MESSAGE_ID: destination.id, "smsout.messages": 1, STATUS_CODE: 201}
        assert (span.ended, span.error) == (True, None)


@pytest.mark.parametrize(
    ("changes", "status", "spans"),
    [({"authorization": "Basic eDp5"}, 401, 0), ({"content_type": "text/plain"}, 415, 1)],
)
async def test_strangers_make_no_spans(changes: dict[str, Any], status: int, spans: int) -> None:
    """What is refused is in the trace once it is known who asks."""
    tracer = TracerInMemory()
    async with open_door(tracing=Tracing(tracer)) as door:
        assert (await door.post(GOOD, traceparent=GIVEN, **changes)).status == status
    assert [(it.ended, it.attributes.get(STATUS_CODE)) for it in tracer.spans] == [(True, status)] * spans


async def test_what_nobody_takes_ends_its_span_as_an_error() -> None:
    """The span of a request that was answered with a 503 says so."""
    tracer = TracerInMemory()
    async with open_door(tracing=Tracing(tracer), max_outstanding=1, max_outstanding_per_trunk=1) as door:
        door.producer.silence()
        first = asyncio.create_task(door.post(GOOD))
        async with asyncio.timeout(10):
            while not door.producer.records:
                await asyncio.sleep(0)
        assert (await door.post(GOOD)).status == 429
        door.stopping.set()
        door.producer.speak()
        assert (await first).status == 201
    assert {it.attributes[STATUS_CODE]: it.error for it in tracer.spans} == {201: None, 429: None}


async def test_submissions_of_one_record_name_their_own_traces() -> None:
    """By their places in its array; and what they take is counted to its size."""
    producer = ProducerInMemory()
    submitter = Submitter(producer, 10.0)
    running = asyncio.create_task(submitter.run())
    await settle()
    producer.silence()
    trunk = uuid7()
    own = [None, TraceContext(TRACE, SPAN, sampled=True), TraceContext(TRACE, "c" * 16, sampled=False, state="v=1")]
    first = asyncio.create_task(submitter.submit(trunk, b"{}"))
    await settle()
    large = b"x" * (MAX_RECORD_VALUE_BYTES - 140)
    others = [asyncio.create_task(submitter.submit(trunk, b"{}", trace=it)) for it in own]
    others.append(asyncio.create_task(submitter.submit(trunk, large, trace=own[1])))
    await settle()
    producer.speak()
    await asyncio.gather(first, *others)
    running.cancel()
    assert [it.headers for it in producer.records] == [
        (),
        (
            ("traceparent.1", GIVEN.encode()),
            ("traceparent.2", f"00-{TRACE}-{'c' * 16}-00".encode()),
            ("tracestate.2", b"v=1"),
        ),
        (("traceparent", GIVEN.encode()),),
    ]
