"""The span of a request: of one that brings a trace context, or that is traced from here on."""

from collections.abc import Awaitable
from typing import Final

from multidict import CIMultiDictProxy, istr

from agents.ingress.protocol.responses import Response
from pipeline.steps.admission.request import Admitted
from pipeline.tracing.spans import MESSAGE_ID, STATUS_CODE, Span, SpanKind, Tracing
from schemas.headers.trace import TRACEPARENT, TRACESTATE, parse

_TRACEPARENT: Final = istr(TRACEPARENT)
_TRACESTATE: Final = istr(TRACESTATE)


def begin(tracing: Tracing, path: str, headers: CIMultiDictProxy[str]) -> Span | None:
    """Begin the span of a request whose sender is known; None where it has no trace and none may begin here."""
    given = None
    if _TRACEPARENT in headers:
        given = parse(headers.getall(_TRACEPARENT), headers.getall(_TRACESTATE, ()))
    if given is None and not tracing.begins:
        return None
    return tracing.span(f"POST {path}", given, SpanKind.SERVER)


def traced(submission: Admitted, span: Span) -> Admitted:
    """Return a submission whose record names its trace."""
    span.note({MESSAGE_ID: submission.messages[0][0], "smsout.messages": len(submission.messages)})
    return submission._replace(trace=span.context)


async def ended(span: Span, answering: Awaitable[Response]) -> Response:
    """Return the answer, with which the span ends."""
    try:
        answer = await answering
    except BaseException as error:
        span.end(error=type(error).__name__)
        raise
    span.end({STATUS_CODE: answer.status}, error="in doubt, or not taken" if answer.status >= 500 else None)
    return answer
