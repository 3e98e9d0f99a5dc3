"""The trace that a message belongs to (W3C Trace Context), as it comes with a request or rides in Kafka headers.

https://www.w3.org/TR/trace-context/. Whoever made it up is a stranger: what is no trace context counts as none, and
never as a reason to refuse a message.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from schemas.record import Header

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
MAX_STATE_LENGTH: Final = 512  # section 3.3.1.5: what everybody should carry at least
_MAX_MEMBERS: Final = 32

_PARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x20-\x7e]*)?")
_MEMBER: Final = re.compile(
    r"[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_MAX_PARENT_LENGTH: Final = 128
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16


class TraceContext(NamedTuple):
    """Which trace, and which span of it is the parent of what comes next; ids in hex. `state` is the vendors'."""

    trace_id: str
    span_id: str
    sampled: bool
    state: str | None = None

    @property
    def traceparent(self) -> str:
        """The value of the header of that name."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    def http_headers(self) -> dict[str, str]:
        """Return it as headers of a request."""
        parent = {TRACEPARENT: self.traceparent}
        return parent if self.state is None else parent | {TRACESTATE: self.state}

    def headers(self, element: int | None = None) -> tuple[Header, ...]:
        """Return it as Kafka headers: of the whole record, or of what stands at place `element` of its array."""
        place = "" if element is None else f".{element}"
        parent = (TRACEPARENT + place, self.traceparent.encode())
        return (parent,) if self.state is None else (parent, (TRACESTATE + place, self.state.encode()))


def parse(traceparents: Sequence[str], tracestates: Sequence[str] = ()) -> TraceContext | None:
    """Read what came in headers, a value for each line; None for what is no trace context.

    A bad state is left out and the parent stays.
    """
    if len(traceparents) != 1 or len(traceparents[0]) > _MAX_PARENT_LENGTH:
        return None
    found = _PARENT.fullmatch(traceparents[0].strip())
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & 1), _state(tracestates))


def kept(traceparent: str | None, tracestate: str | None) -> TraceContext | None:
    """Read what a record keeps of a trace in two attributes; None where it keeps none."""
    return None if traceparent is None else parse((traceparent,), () if tracestate is None else (tracestate,))


def _state(lines: Sequence[str]) -> str | None:
    text = ",".join(lines) if sum(map(len, lines)) <= MAX_STATE_LENGTH else ""
    members = [it for it in (part.strip(" \t") for part in text.split(",")) if it]
    if not members or len(members) > _MAX_MEMBERS or not all(map(_MEMBER.fullmatch, members)):
        return None
    return ",".join(members)


def trace_of(headers: Iterable[Header]) -> TraceContext | None:
    """Return the trace context that a record's headers hold; None without one that can be read."""
    for name, _ in headers:
        if name == TRACEPARENT:
            return Traces(headers).whole
    return None


class Traces:
    """The trace contexts of a submitted record: one for all of it, or for each element of its array."""

    def __init__(self, headers: Iterable[Header]) -> None:
        named: dict[str, list[str]] = {}
        for name, value in headers:
            # A producer may write a header without a value, whatever the type says.
            if name.startswith(("traceparent", "tracestate")) and isinstance(value, bytes):
                named.setdefault(name, []).append(value.decode("ascii", "replace"))
        self._named: Mapping[str, Sequence[str]] = named
        self.whole = self._at("")

    def of(self, element: int) -> TraceContext | None:
        """Return the context of what stands at a place of the array, 0 where it is alone."""
        if not self._named:
            return None
        return self._at(f".{element}") or self.whole

    def _at(self, place: str) -> TraceContext | None:
        return parse(self._named.get(TRACEPARENT + place, ()), self._named.get(TRACESTATE + place, ()))


def carried(headers: Iterable[Header]) -> tuple[Header, ...]:
    """Return the headers of the trace that a record belongs to, for what follows from it: none for most."""
    context = trace_of(headers)
    return () if context is None else context.headers()
