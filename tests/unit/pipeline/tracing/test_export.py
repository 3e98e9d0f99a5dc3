"""Spans as the SDK exports them, what is handed on, and what is said when a collector takes nothing."""

import logging
import time
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from structlog.testing import capture_logs

from pipeline.tracing.export import CLOSE_SECONDS, Exporter
from pipeline.tracing.spans import SpanKind
from schemas.headers.trace import TraceContext

PARENT = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True, state="a=1")


class Kept(SpanExporter):
    """Keeps spans; takes none while it is told so, and then for as long as it is told."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.takes = True
        self.seconds = 0.0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        time.sleep(self.seconds)
        if not self.takes:
            return SpanExportResult.FAILURE
        self.spans += spans
        return SpanExportResult.SUCCESS


@pytest.fixture(autouse=True)
def _loggers_as_they_were() -> Iterator[None]:
    """A filter that says something only once would swallow the next test's."""
    sdk, exporter = (logging.getLogger(f"opentelemetry.{it}") for it in ("sdk._shared_internal", "exporter"))
    before, level = list(sdk.filters), exporter.level
    yield
    sdk.filters, exporter.level = before, level


def test_a_span_has_its_parent_and_is_the_next_ones() -> None:
    """With its times, its kind, what was said of it, and the state that came."""
    kept = Kept()
    exporter = Exporter({"service.name": "smsout-test"}, kept)
    span = exporter.span("POST to carrier", PARENT, SpanKind.CLIENT, began_ns=5)
    span.note({"a": 1})
    assert span.context is not None
    child = exporter.span("child", span.context)
    child.end()
    span.end({"b": "c"}, error="in_doubt")
    exporter.close()
    found = {it.name: it for it in kept.spans}
    post = found["POST to carrier"]
    assert post.context is not None
    assert post.parent is not None
    assert (f"{post.context.trace_id:032x}", f"{post.parent.span_id:016x}") == (PARENT.trace_id, PARENT.span_id)
    assert span.context == (PARENT.trace_id, f"{post.context.span_id:016x}", True, "a=1")
    assert (post.start_time, dict(post.attributes or {})) == (5, {"a": 1, "b": "c"})
    assert (post.kind.name, post.status.status_code.name, post.status.description) == ("CLIENT", "ERROR", "in_doubt")
    assert post.resource.attributes["service.name"] == "smsout-test"
    nested = found["child"].parent
    assert nested is not None
    assert nested.span_id == post.context.span_id


@pytest.mark.parametrize(
    ("sampler", "parent", "exported", "goes_on"),
    [
        ("parentbased_always_on", None, True, True),
        ("parentbased_always_on", PARENT, True, True),
        ("parentbased_always_on", PARENT._replace(sampled=False), False, True),
        ("parentbased_traceidratio", None, False, False),
        ("parentbased_traceidratio", PARENT, True, True),
        ("traceidratio", PARENT, False, True),
        ("always_off", None, False, False),
    ],
)
def test_the_sampler_decides(
    monkeypatch: pytest.MonkeyPatch, sampler: str, parent: TraceContext | None, exported: bool, goes_on: bool
) -> None:
    """A trace that nobody keeps is not begun; one that came goes on, and says whether it is kept."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    kept = Kept()
    exporter = Exporter({}, kept)
    span = exporter.span("x", parent)
    span.end()
    exporter.close()
    assert (bool(kept.spans), span.context is not None) == (exported, goes_on)
    assert span.context is None or span.context.sampled is exported


def test_a_collector_that_takes_nothing_is_said_once_and_so_is_its_return(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how many spans it has cost."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
    kept = Kept()
    exporter = Exporter({}, kept)

    def export(count: int) -> None:
        for _ in range(count):
            exporter.span("x", None).end()
            assert exporter._provider.force_flush()

    with capture_logs() as said:
        kept.takes = False
        export(3)
        kept.takes = True
        export(2)
    exporter.close()
    assert [(it["event"], it.get("spans_lost")) for it in said] == [
        ("traces_not_exported", None),
        ("traces_exported_again", 3),
    ]


def test_what_does_not_fit_is_dropped_and_that_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue has its bound, whoever makes spans waits for nothing, and the end comes in time."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")
    kept = Kept()
    kept.seconds = 30.0
    exporter = Exporter({}, kept)
    began = time.monotonic()
    with capture_logs() as said:
        for _ in range(1000):
            exporter.span("x", None).end()
    assert [it["event"] for it in said] == ["traces_dropped"]
    exporter.close()
    assert time.monotonic() - began < CLOSE_SECONDS + 5
