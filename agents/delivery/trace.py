"""The trace of a message in delivery: how long it has waited for its carrier, and each POST."""

from agents.delivery.carrier_line import CarrierLine, Leave
from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.tracing.spans import MESSAGE_ID, OUTCOME, STATUS_CODE, Attribute, SpanKind, Tracing
from schemas.directory.carrier import Carrier
from schemas.headers.trace import TraceContext, trace_of
from schemas.messages.mt_message import MtMessage, Segment
from schemas.record import Header


class DeliveryTrace:
    """The spans of one record of delivery. What follows from it follows from its last POST, where there was one."""

    def __init__(self, context: TraceContext, since_ms: int, tracing: Tracing) -> None:
        self._context = context
        self._tracing = tracing
        self._waiting_since_ms: int | None = since_ms
        self._last = context

    @property
    def headers(self) -> tuple[Header, ...]:
        """What the record of its status names as its parent."""
        return self._last.headers()

    async def post(
        self, line: CarrierLine, leave: Leave, carrier: Carrier, message: MtMessage, segment: Segment
    ) -> AttemptResult:
        """Post one unit."""
        about: dict[str, Attribute] = {MESSAGE_ID: message.id, "smsout.carrier": carrier.name}
        if (since_ms := self._waiting_since_ms) is not None:
            self._waiting_since_ms = None
            self._tracing.span("wait for carrier", self._context, began_ns=since_ms * 1_000_000).end(about)
        span = self._tracing.span("POST to carrier", self._context, SpanKind.CLIENT)
        self._last = span.context or self._context
        result = await line.post(leave, carrier, message, segment, self._last)
        about |= {"smsout.segment": segment.seqnum, OUTCOME: result.outcome.value}
        if result.status is not None:
            about[STATUS_CODE] = result.status
        span.end(about, error=None if result.outcome is Outcome.ACCEPTED else result.outcome.value)
        return result


def trace_of_delivery(headers: tuple[Header, ...], since_ms: int, tracing: Tracing) -> DeliveryTrace | None:
    """Return the trace of a message by its record's headers, and since when it waits; None for most."""
    context = trace_of(headers)
    return None if context is None else DeliveryTrace(context, since_ms, tracing)
