"""What the receipts agent knows of messages whose receipts are not all in, and of what carriers call by own ids."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field

from schemas.headers.trace import TraceContext, kept
from schemas.identifiers import Uuid
from schemas.messages.dlr import ExpectedReceipt, SegmentOutcome, UnmatchedReceipt
from schemas.messages.status import MessageStatus
from schemas.record import Record


class RollUp(Record):
    """One message's receipts so far.

    `waiting` are the successes that wait for their receipts: one, but where producers have given messages of several
    trunks the same id. Each ends by itself; `ended` are the trunks that have been told. `segments` has the latest of
    each segment, in their order, and nothing once nobody waits. `due_at` is when something is due that no record will
    bring: the end of waiting, or of remembering. `traceparent` and `tracestate` (W3C Trace Context) are where the
    trace of the message goes on, where it has one.
    """

    schema_version: Literal[1] = 1
    message_id: Uuid
    waiting: tuple[MessageStatus, ...] = ()
    segments: Annotated[tuple[SegmentOutcome, ...], Field(max_length=255)] = ()
    ended: Annotated[tuple[Uuid, ...], Field(max_length=1000)] = ()
    due_at: AwareDatetime
    traceparent: str | None = None
    tracestate: str | None = None

    @property
    def trace(self) -> TraceContext | None:
        """Where the trace of the message goes on."""
        return kept(self.traceparent, self.tracestate)

    def in_trace(self, trace: TraceContext | None) -> Self:
        """Return it with the trace of its message, if that has one."""
        if trace is None:
            return self
        return self.model_copy(update={"traceparent": trace.traceparent, "tracestate": trace.state})


class Match(Record):
    """What is known of what a carrier calls by an id of its own: which segment it is, and what has come too early.

    `early` is the strongest receipt that came before anybody knew the segment. `due_at` is when it may be forgotten.
    """

    schema_version: Literal[1] = 1
    expected: ExpectedReceipt | None = None
    early: UnmatchedReceipt | None = None
    due_at: AwareDatetime
