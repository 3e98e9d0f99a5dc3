"""The trace of a message in delivery: what the carrier is told, and what goes on from here."""

import pytest

from pipeline.errors import NotSent
from pipeline.tracing.spans import OUTCOME, SpanKind, Tracing
from schemas.headers.trace import TraceContext, trace_of
from schemas.topics import STATUS
from tests.fakes.tracer import TracerInMemory
from tests.unit.agents.delivery.bench import Bench, message

CONTEXT = TraceContext("a" * 32, "b" * 16, sampled=True, state="v=1")


async def test_each_post_has_a_span_and_the_status_follows_from_the_last() -> None:
    """Before them the time that it has waited since it was ready."""
    tracer = TracerInMemory()
    bench = Bench(202, 202, tracing=Tracing(tracer))
    ended = await bench.run(message(2).to_bytes(), headers=CONTEXT.headers())
    waiting, first, second = tracer.spans
    assert (waiting.name, waiting.began_ns, waiting.parent) == ("wait for carrier", 0, CONTEXT)
    assert [(it.name, it.kind, it.parent, it.error) for it in (first, second)] == [
        ("POST to carrier", SpanKind.CLIENT, CONTEXT, None)
    ] * 2
    assert [(it.attributes["smsout.segment"], it.attributes[OUTCOME]) for it in (first, second)] == [
        (1, "accepted"), (2, "accepted"),
    ]  # fmt: skip
    assert all(it.ended for it in tracer.spans)
    assert [it["traceparent"][36:52] for it in bench.carrier.headers] == [f"{2:016x}", f"{3:016x}"]
    assert ended.topic == STATUS
    assert trace_of(ended.headers) == second.context


async def test_a_message_that_waits_keeps_its_place_in_the_trace() -> None:
    """The next attempt is the last one's sibling."""
    tracer = TracerInMemory()
    bench = Bench(NotSent("refused"), tracing=Tracing(tracer))
    waits = await bench.run(message(1).to_bytes(), headers=CONTEXT.headers())
    assert "retry" in waits.topic
    assert waits.headers == CONTEXT.headers()
    assert (tracer.spans[-1].attributes[OUTCOME], tracer.spans[-1].error) == ("not_taken", "not_taken")


@pytest.mark.parametrize("traced", [True, False])
async def test_without_a_collector_what_came_is_passed_on(traced: bool) -> None:
    """And what came with nothing is written as ever."""
    bench = Bench(202)
    ended = await bench.run(message(1).to_bytes(), headers=CONTEXT.headers() if traced else ())
    assert ended.headers == (CONTEXT.headers() if traced else ())
    assert [it.get("traceparent") for it in bench.carrier.headers] == [CONTEXT.traceparent if traced else None]
    assert all(not it.headers for it in bench.written if it.topic != STATUS)
