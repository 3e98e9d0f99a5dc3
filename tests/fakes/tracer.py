"""Keeps spans as they are made, with ids that count from 1."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.tracing.spans import Attribute, SpanKind
from schemas.headers.trace import TraceContext


@dataclass
class NotedSpan:
    """A span, and what was said of it."""

    name: str
    parent: TraceContext | None
    kind: SpanKind
    began_ns: int | None
    context: TraceContext | None
    attributes: dict[str, Attribute] = field(default_factory=dict)
    ended: bool = False
    error: str | None = None

    def note(self, attributes: Mapping[str, Attribute]) -> None:
        self.attributes |= attributes

    def end(self, attributes: Mapping[str, Attribute] | None = None, *, error: str | None = None) -> None:
        assert not self.ended
        self.ended, self.error = True, error
        self.attributes |= attributes or {}


class TracerInMemory:
    """Makes spans of the trace that their parent is in, or begins one."""

    def __init__(self) -> None:
        self.spans: list[NotedSpan] = []

    def span(
        self, name: str, parent: TraceContext | None, kind: SpanKind = SpanKind.INTERNAL, began_ns: int | None = None
    ) -> NotedSpan:
        trace_id, state = ("f" * 32, None) if parent is None else (parent.trace_id, parent.state)
        context = TraceContext(trace_id, f"{len(self.spans) + 1:016x}", sampled=True, state=state)
        self.spans.append(NotedSpan(name, parent, kind, began_ns, context))
        return self.spans[-1]
