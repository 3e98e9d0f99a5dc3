"""One record of `sms.mt.submitted` to every record that it causes: messages, refusals, dead letters."""

from datetime import UTC, datetime
from itertools import count
from typing import Final, NamedTuple

from pipeline.dead_letters import dead_letter
from pipeline.directory import Directory
from pipeline.kafka.producer import OutRecord
from pipeline.metrics import MESSAGES
from pipeline.origin import Origin
from pipeline.processing import Accepted, process
from pipeline.settings import MessageSettings
from pipeline.submitted_record import STAGE, UnreadableSubmission, read_submitted
from schemas.identifiers import submission_id_from_coordinates
from schemas.mt_message import MtMessage
from schemas.topics import SEGMENTED, STATUS

# A record's timestamp is its producer's choice; beyond this there is no calendar to add a time to live in.
LATEST_MS: Final = 4_102_444_800_000  # 2100-01-01


class SubmittedRecord(NamedTuple):
    """A record as it came from the topic."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


_routed = MESSAGES.labels("processor", "routed")
_refused = MESSAGES.labels("processor", "refused")


def caused_by(record: SubmittedRecord, directory: Directory, settings: MessageSettings) -> list[OutRecord]:
    """Return what `record` causes, the same for every replay under the same directory."""
    caused: list[OutRecord] = []
    routed = refused = 0
    origins = (Origin(record.partition, record.offset, index, record.timestamp_ms) for index in count())
    recorded_at = datetime.fromtimestamp(min(max(0, record.timestamp_ms), LATEST_MS) / 1000, UTC)
    for index, submission in enumerate(read_submitted(record.value)):
        if isinstance(submission, UnreadableSubmission):
            caused.append(_unreadable(record, submission))
            continue
        accepted = Accepted(
            submission,
            submission.id or submission_id_from_coordinates(record.topic, record.partition, record.offset, index),
            submission.accepted_at or recorded_at,
            recorded_at,
        )
        for outcome in process(accepted, directory, settings):
            if isinstance(outcome, MtMessage):
                routed += 1
                caused.append(
                    OutRecord(SEGMENTED, outcome.destination.encode(), outcome.to_bytes(), (next(origins).header(),))
                )
            else:
                refused += 1
                caused.append(
                    OutRecord(STATUS, outcome.message_id.encode(), outcome.to_bytes(), (next(origins).header(),))
                )
    _routed.inc(routed)
    _refused.inc(refused)
    return caused


def _unreadable(record: SubmittedRecord, part: UnreadableSubmission) -> OutRecord:
    return dead_letter(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp_ms,
        record.key,
        part.value,
        record.headers,
        stage=STAGE,
        reason=part.reason,
        detail=part.detail,
        element=part.element,
    )
