"""A record becomes a message: at its first attempt from `sms.mt.segmented`, later from a retry tier."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zlib import crc32

from pydantic import ValidationError

from pipeline.carriers.decision import Progress
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.work import Work
from pipeline.posting.backlog import FlowKey
from pipeline.posting.flows import Kind
from pipeline.posting.intake import Entry
from pipeline.steps.submitted_record import describe
from schemas.mt_message import MtMessage, WaitingMessage
from schemas.record import InRecord
from schemas.topics import SEGMENTED


@dataclass(slots=True)
class Reading:
    """A message to deliver, from segment `first_seqnum` on."""

    consumer: TrackedConsumer
    work: Work
    message: MtMessage
    first_seqnum: int
    progress: Progress


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
            return Reading(consumer, work, MtMessage.from_bytes(value), 1, progress)
        waiting = WaitingMessage.from_bytes(value)
    except ValidationError as error:
        return Unreadable(consumer, work, describe(error))
    progress = Progress(waiting.attempt, waiting.first_attempt_at, waiting.in_doubt, waiting.possible_duplicate)
    return Reading(consumer, work, waiting.message, waiting.next_seqnum, progress)


def entry_of(reading: Reading) -> Entry[Reading]:
    """Return what the intake needs to know of a message: it waits for its carrier, in its trunk's flow."""
    message, record = reading.message, reading.work.record
    return Entry(
        FlowKey(message.carrier_id, message.trunk_id, message.account_id),
        lane_of(record),
        Kind.FRESH if record.topic == SEGMENTED else Kind.LATER,
        record,
        reading,
        int(message.expires_at.timestamp() * 1000),
    )


def lane_of(record: InRecord) -> int:
    """Return the lane of a record: messages to one number stay in order, and so do the few that share its lane."""
    return crc32(record.key or b"") + 1
