"""A record becomes a message: at its first attempt from `sms.mt.segmented`, later from a retry tier."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from pipeline.carriers.decision import Progress
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.work import Work
from pipeline.steps.submitted_record import describe
from schemas.mt_message import MtMessage, WaitingMessage
from schemas.topics import SEGMENTED


@dataclass(slots=True)
class Reading:
    """A message to deliver, from segment `first_seqnum` on. `later`: it comes out of a retry tier."""

    consumer: TrackedConsumer
    work: Work
    message: MtMessage
    first_seqnum: int
    progress: Progress
    later: bool


@dataclass(slots=True)
class Unreadable:
    """A record that is not what its topic holds; `detail` says why, without its content."""

    consumer: TrackedConsumer
    work: Work
    detail: str


def read(consumer: TrackedConsumer, work: Work) -> Reading | Unreadable:
    """Read a record."""
    value = work.record.value or b""
    try:
        if work.record.topic == SEGMENTED:
            progress = Progress(attempt=1, first_attempt_at=datetime.now(UTC))
            return Reading(consumer, work, MtMessage.from_bytes(value), 1, progress, later=False)
        waiting = WaitingMessage.from_bytes(value)
    except ValidationError as error:
        return Unreadable(consumer, work, describe(error))
    progress = Progress(
        waiting.attempt,
        waiting.first_attempt_at,
        waiting.in_doubt,
        waiting.possible_duplicate,
        waiting.deferred or 0,
    )
    return Reading(consumer, work, waiting.message, waiting.next_seqnum, progress, later=True)
