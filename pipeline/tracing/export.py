"""Spans to a collector: OpenTelemetry's SDK, over OTLP in HTTP.

Only `pipeline.tracing.opening` loads this, where a collector is named. Spans wait in a queue of
`OTEL_BSP_MAX_QUEUE_SIZE`, and are encoded and sent in a thread of their own. What does not fit is dropped, and so is
what a collector does not take: traces are worth no message, and no memory without a bound.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from pipeline.tracing.spans import Attribute, SpanKind
from schemas.headers.trace import TraceContext

CLOSE_SECONDS: Final = 2.0  # for the last spans: a collector that is silent holds up no end
SAY_AGAIN_SECONDS: Final = 3600.0

_KINDS: Final = {
    SpanKind.INTERNAL: trace.SpanKind.INTERNAL,
    SpanKind.SERVER: trace.SpanKind.SERVER,
    SpanKind.CLIENT: trace.SpanKind.CLIENT,
}

log = structlog.get_logger(__name__)


class _ExportedSpan:
    """A span that the SDK has begun, or one that its sampler does not want."""

    __slots__ = ("_span", "context")

    def __init__(self, span: trace.Span, parent: TraceContext | None) -> None:
        self._span = span
        found = span.get_span_context()
        self.context: TraceContext | None = None
        """A trace that nobody keeps is not begun; one that came goes on."""
        if found.trace_flags.sampled or parent is not None:
            self.context = TraceContext(
                f"{found.trace_id:032x}", f"{found.span_id:016x}", found.trace_flags.sampled,
                None if parent is None else parent.state,
            )  # fmt: skip

    def note(self, attributes: Mapping[str, Attribute]) -> None:
        self._span.set_attributes(attributes)

    def end(self, attributes: Mapping[str, Attribute] | None = None, *, error: str | None = None) -> None:
        if attributes:
            self._span.set_attributes(attributes)
        if error is not None:
            self._span.set_status(trace.Status(trace.StatusCode.ERROR, error))
        self._span.end()


class Exporter:
    """Makes spans for one agent; `resource` says which one it is."""

    def __init__(self, resource: Mapping[str, str], spans: SpanExporter | None = None) -> None:
        # The sampler is the one that OTEL_TRACES_SAMPLER names; `TracingSettings` has looked at its values.
        self._provider = TracerProvider(resource=Resource.create(dict(resource)), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_Telling(spans or OTLPSpanExporter())))
        self._tracer = self._provider.get_tracer("smsout")

    def span(
        self, name: str, parent: TraceContext | None, kind: SpanKind = SpanKind.INTERNAL, began_ns: int | None = None
    ) -> _ExportedSpan:
        """Begin a span."""
        # Never the context of the running task: work of many messages takes turns in it.
        context = Context() if parent is None else _with(parent)
        return _ExportedSpan(self._tracer.start_span(name, context, _KINDS[kind], start_time=began_ns), parent)

    def close(self) -> None:
        """Send what is left, for `CLOSE_SECONDS` at most. It blocks for as long."""
        ending = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        ending.start()
        ending.join(CLOSE_SECONDS)


def _with(parent: TraceContext) -> Context:
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if parent.sampled else trace.TraceFlags.DEFAULT)
    remote = trace.SpanContext(int(parent.trace_id, 16), int(parent.span_id, 16), is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(remote), Context())


class _Telling(SpanExporter):
    """Says in the log when a collector does not take spans, and when it does again: once each.

    The SDK says it for every batch, and when its queue is full for every span.
    """

    def __init__(self, exporter: SpanExporter, clock: Callable[[], float] = time.monotonic) -> None:
        self._exporter = exporter
        self._lost = 0
        self._full = _QueueFull(clock)
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        logging.getLogger("opentelemetry.sdk._shared_internal").addFilter(self._full)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            if not self._lost:
                log.warning("traces_not_exported", reason="the collector does not take them; messages go on")
            self._lost += len(spans)
        elif self._lost:
            log.info("traces_exported_again", spans_lost=self._lost)
            self._lost = 0
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class _QueueFull(logging.Filter):
    """Lets nothing through, and says once an hour that spans are dropped because there are too many."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._said_at = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING and self._clock() - self._said_at >= SAY_AGAIN_SECONDS:
            self._said_at = self._clock()
            log.warning("traces_dropped", reason=record.getMessage())
        return False
