"""A span of a step, and the trace context that is handed on from it.

Steps ask only for messages that have a trace context, which costs all others nothing. Without a collector there are no
spans, and what a message brought goes on as it came.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Protocol

from schemas.headers.trace import TraceContext
from schemas.record import Header

Attribute = str | int | bool
"""What is said of a span. Never a text, a number to send to, or an address that somebody has chosen."""

MESSAGE_ID: Final = "smsout.message_id"
OUTCOME: Final = "smsout.outcome"
STATUS_CODE: Final = "http.response.status_code"


class SpanKind(StrEnum):
    """Which side of a call a span is, as OpenTelemetry has it."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"


class Span(Protocol):
    """A step that has begun."""

    @property
    def context(self) -> TraceContext | None:
        """What is handed on from here; None where nothing is to be."""

    def note(self, attributes: Mapping[str, Attribute]) -> None:
        """Say something of the step."""

    def end(self, attributes: Mapping[str, Attribute] | None = None, *, error: str | None = None) -> None:
        """End it now; `error` says that, and why, it did not go well."""


class Tracer(Protocol):
    """Makes spans. They begin now, or at a Unix time in nanoseconds; without a parent it may begin a trace."""

    def span(
        self, name: str, parent: TraceContext | None, kind: SpanKind = SpanKind.INTERNAL, began_ns: int | None = None
    ) -> Span:
        """Begin a span."""


class _PassedOn:
    """No span: what came is handed on."""

    __slots__ = ("context",)

    def __init__(self, context: TraceContext | None) -> None:
        self.context = context

    def note(self, attributes: Mapping[str, Attribute]) -> None:
        """Nobody listens."""

    def end(self, attributes: Mapping[str, Attribute] | None = None, *, error: str | None = None) -> None:
        """Nobody listens."""


class Tracing:
    """What an agent does about traces: without a tracer it hands on what came."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = tracer
        self.begins = tracer is not None
        """Whether a trace may begin here."""

    def span(
        self, name: str, parent: TraceContext | None, kind: SpanKind = SpanKind.INTERNAL, began_ns: int | None = None
    ) -> Span:
        """Begin a span, now or at a Unix time in nanoseconds."""
        return _PassedOn(parent) if self._tracer is None else self._tracer.span(name, parent, kind, began_ns)


def handed_on(span: Span) -> tuple[Header, ...]:
    """Return the headers of records that follow from a step."""
    return () if span.context is None else span.context.headers()


UNTRACED: Final = Tracing()
"""Where nobody collects anything."""
