"""An OpenTelemetry collector on a free port of 127.0.0.1: OTLP over HTTP, as protobuf."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.fakes.web_server import serving_on_a_port


@dataclass(frozen=True)
class CollectedSpan:
    """One span, as it came; ids in hex, times in nanoseconds since 1970."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    began_ns: int
    ended_ns: int
    failed: bool
    attributes: Mapping[str, Any]


@dataclass
class Collector:
    """Keeps every span; `status` is what it answers, and what is refused is not kept."""

    port: int = 0
    status: int = 200
    asked: int = 0
    spans: list[CollectedSpan] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, str]:
        """What an agent needs to send its spans here, soon."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}", "OTEL_BSP_SCHEDULE_DELAY": "100"}

    def of(self, trace_id: str) -> dict[str, CollectedSpan]:
        """Return the spans of a trace by service and name."""
        return {f"{it.service}: {it.name}": it for it in self.spans if it.trace_id == trace_id}

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.status == 200:
            self._keep(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response(status=self.status)

    def _keep(self, document: ExportTraceServiceRequest) -> None:
        for resource in document.resource_spans:
            about = {it.key: it.value.string_value for it in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        CollectedSpan(
                            about["service.name"], span.name, span.trace_id.hex(), span.span_id.hex(),
                            span.parent_span_id.hex(), span.start_time_unix_nano, span.end_time_unix_nano,
                            span.status.code == 2,
                            {it.key: getattr(it.value, str(it.value.WhichOneof("value"))) for it in span.attributes},
                        )
                    )  # fmt: skip


@asynccontextmanager
async def running_collector() -> AsyncIterator[Collector]:
    """Serve for as long as the context lasts."""
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.answer)
    async with serving_on_a_port(web.AppRunner(app)) as collector.port:
        yield collector
