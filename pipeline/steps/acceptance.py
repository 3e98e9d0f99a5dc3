"""What a submitted record's place in its topic gives to a submission: the id and the time that it did not bring itself.

Whoever reads the topic must come to the same messages: the processor, which makes them, and the message log.
"""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from schemas.identifiers import MessageId, submission_id_from_coordinates
from schemas.record import InRecord
from schemas.submission import Submission

# A record's timestamp is its producer's choice; beyond this there is no calendar to add a time to live in.
LATEST_MS: Final = 4_102_444_800_000  # 2100-01-01


class Accepted(NamedTuple):
    """A submission with what its record adds: the id and the time that it did not bring itself.

    `recorded_at` is the broker's time, which no producer can choose. `accepted_at` is not after it: the time to live
    begins there, and would not end for a message from the future.
    """

    submission: Submission
    submission_id: str
    accepted_at: datetime
    recorded_at: datetime

    def messages(self) -> dict[MessageId, str]:
        """Return destinations by message id. A number listed twice is one message, unless each has an id of its own."""
        submission, identity = self.submission, self.submission_id
        return {submission.message_id(it, identity): it.address for it in submission.destinations}


def recorded_at(record: InRecord) -> datetime:
    """Return the broker's time of a record."""
    return datetime.fromtimestamp(min(max(0, record.timestamp_ms), LATEST_MS) / 1000, UTC)


def accept(record: InRecord, element: int, submission: Submission, written_at: datetime) -> Accepted:
    """Return the submission at place `element` of a record, 0 where it is alone, as its messages are made of it.

    `written_at` is the record's `recorded_at`.
    """
    accepted_at = submission.accepted_at
    return Accepted(
        submission,
        submission.id or _derived_id(record, element, submission),
        written_at if accepted_at is None else min(accepted_at, written_at),
        written_at,
    )


def _derived_id(record: InRecord, element: int, submission: Submission) -> str:
    """Return the id of a submission that came without one."""
    if all(destination.id for destination in submission.destinations):
        return ""  # every message has an id: nobody will ask, and deriving one costs as much as all the rest of a step
    return submission_id_from_coordinates(record.topic, record.partition, record.offset, element)
