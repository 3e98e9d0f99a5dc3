"""One record of `sms.mt.submitted` to every record that it causes: messages, refusals, dead letters."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count, islice
from typing import Final

from pipeline.dead_letters.letter import dead_letter
from pipeline.directory.model import Directory
from pipeline.idempotency.keys import Verdict
from pipeline.metrics import MESSAGES
from pipeline.settings import MessageSettings
from pipeline.steps.processing import Accepted, Routed, process
from pipeline.steps.submitted_record import STAGE, UnreadableSubmission, read_submitted, source_of
from schemas.causation import Causation
from schemas.identifiers import submission_id_from_coordinates
from schemas.record import InRecord, OutRecord
from schemas.submission import Submission
from schemas.topics import SEGMENTED, STATUS

# A record's timestamp is its producer's choice; beyond this there is no calendar to add a time to live in.
LATEST_MS: Final = 4_102_444_800_000  # 2100-01-01


CONFLICT: Final = "idempotency-conflict"

_routed = MESSAGES.labels("processor", "routed")
_refused = MESSAGES.labels("processor", "refused")


def caused_by(
    record: InRecord, directory: Directory, settings: MessageSettings, unheld: Mapping[int, Verdict]
) -> list[OutRecord]:
    """Return what `record` causes, the same for every replay under the same directory.

    `unheld` has the elements that repeat another submission's Idempotency-Key: they cause nothing, or a dead letter
    where the key is that of something else.
    """
    caused: list[OutRecord] = []
    routed = refused = 0
    causations = (Causation(record.partition, record.offset, index, record.timestamp_ms) for index in count())
    recorded_at = datetime.fromtimestamp(min(max(0, record.timestamp_ms), LATEST_MS) / 1000, UTC)
    for index, submission in enumerate(read_submitted(record.value)):
        if isinstance(submission, UnreadableSubmission):
            caused.append(_refused_part(record, submission))
            continue
        submission_id = submission.id or _derived_id(record, index, submission)
        if index in unheld:
            if unheld[index] is Verdict.CONFLICTS:
                caused.append(_refused_part(record, _conflict(record, index)))
            # Numbered as if it were sent, so that what follows does not depend on the verdict.
            messages = {submission.message_id(it, submission_id) for it in submission.destinations}
            next(islice(causations, len(messages) - 1, None))
            continue
        accepted = Accepted(
            submission,
            submission_id,
            submission.accepted_at or recorded_at,
            recorded_at,
        )
        for outcome in process(accepted, directory, settings):
            if isinstance(outcome, Routed):
                routed += 1
                caused.append(
                    OutRecord(SEGMENTED, outcome.destination.encode(), outcome.value, (next(causations).header(),))
                )
            else:
                refused += 1
                caused.append(
                    OutRecord(STATUS, outcome.message_id.encode(), outcome.to_bytes(), (next(causations).header(),))
                )
    _routed.inc(routed)
    _refused.inc(refused)
    return caused


def _derived_id(record: InRecord, element: int, submission: Submission) -> str:
    if all(destination.id for destination in submission.destinations):
        return ""  # every message has an id: nobody will ask, and deriving one costs as much as all the rest of a step
    return submission_id_from_coordinates(record.topic, record.partition, record.offset, element)


def _conflict(record: InRecord, element: int) -> UnreadableSubmission:
    index, value = source_of(record.value or b"", element)
    return UnreadableSubmission(index, value, CONFLICT, "the idempotency_key belongs to another submission")


def _refused_part(record: InRecord, part: UnreadableSubmission) -> OutRecord:
    return dead_letter(
        record._replace(value=part.value), stage=STAGE, reason=part.reason, detail=part.detail, element=part.element
    )
