"""What comes is written to the scheduler's own topic, in one transaction with the commit that passes it.

So it is there once, whatever is killed: were it read again after it had left, it would be sent again.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder
from pydantic import ValidationError

from pipeline.dead_letters.letter import announce, dead_letter
from pipeline.kafka.consuming.work import Work
from pipeline.steps.admission.submitted_record import describe
from schemas.headers.trace import trace_of
from schemas.identifiers import STRICT_UUID_PATTERN
from schemas.messages.cancel_request import CancelRequest
from schemas.record import InRecord, OutRecord
from schemas.state.deferred import UncheckedDeferred, cancel_key, message_key
from schemas.topics import DEFERRED, SCHEDULED
from schemas.unchecked import encode

STAGE: Final = "scheduler"
UNREADABLE: Final = "schema-violation"
WISHED_FOR: Final = timedelta(days=7)
"""For so long a message may come after the wish that it be cancelled: as long as `sms.mt.submitted` keeps it."""
announce(STAGE, UNREADABLE)


_Id = Annotated[str, Meta(pattern=STRICT_UUID_PATTERN)]


class _Destination(Struct, gc=False):
    id: _Id


class _Scheduled(Struct, gc=False):
    """What is looked at of a message: only the processor writes these, and all of it is read when it leaves."""

    trunk_id: _Id
    destinations: Annotated[list[_Destination], Meta(min_length=1, max_length=1)]
    send_at: Annotated[datetime, Meta(tz=True)]


_scheduled: Final = Decoder(_Scheduled).decode


class Intake:
    """Takes records in."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock

    async def take(self, batch: Sequence[Work], may_begin: Callable[[Work], Awaitable[bool]]) -> None:
        """Work on records: what comes of each is written with its commit."""
        for work in batch:
            if await may_begin(work):
                work.finish([self._kept(work.record)])

    def _kept(self, record: InRecord) -> OutRecord:
        """Return what is known by a record, or its dead letter."""
        try:
            key, value = self._message(record) if record.topic == SCHEDULED else self._wish(record)
        except ValidationError as error:
            return dead_letter(record, stage=STAGE, reason=UNREADABLE, detail=describe(error))
        except msgspec.MsgspecError as error:
            return dead_letter(record, stage=STAGE, reason=UNREADABLE, detail=str(error))
        return OutRecord(DEFERRED, key, value, partition=record.partition)

    def _message(self, record: InRecord) -> tuple[bytes, bytes]:
        value = record.value or b""
        part = _scheduled(value)
        as_written: Any = Raw(value)
        deferred = UncheckedDeferred(due_at=part.send_at, message=as_written)
        if (trace := trace_of(record.headers)) is not None:
            deferred.traceparent, deferred.tracestate = trace.traceparent, trace.state
        return message_key(part.trunk_id, part.destinations[0].id), encode(deferred)

    def _wish(self, record: InRecord) -> tuple[bytes, bytes]:
        value = record.value or b""
        wish = CancelRequest.from_bytes(value)
        as_written: Any = Raw(value)
        deferred = UncheckedDeferred(due_at=self._clock() + WISHED_FOR, cancel=as_written)
        return cancel_key(wish.trunk_id, wish.id, bulk=wish.bulk is True), encode(deferred)
