"""What a submitted record's place in its topic gives to a submission: the id and the time that it did not bring itself.

Whoever reads the topic must come to the same messages: the processor, which makes them, and the message log.
"""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from schemas.identifiers import MessageId, submission_id_from_coordinates
from schemas.messages.destination import Destination
from schemas.messages.submission import Submission
from schemas.record import InRecord

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

    @property
    def begins_at(self) -> datetime:
        """When its messages may be sent: their time to live counts from here."""
        send_at = self.submission.send_at
        return self.accepted_at if send_at is None else max(send_at, self.accepted_at)

    @property
    def waits(self) -> bool:
        """Whether that is yet to come, as the broker's time for its record has it."""
        send_at = self.submission.send_at
        return send_at is not None and send_at > self.recorded_at

    def alone(self, message_id: MessageId, to: Destination) -> Submission:
        """Return the part of it that is about one message, with all that its record has added.

        Its key has been judged, and means nothing any more.
        """
        changes = {
            "id": self.submission_id or None,
            "destinations": (to.model_copy(update={"id": message_id}),),
            "accepted_at": self.accepted_at,
            "idempotency_key": None,
            "idempotency_digest": None,
        }
        return self.submission.model_copy(update=changes)

    def messages(self) -> dict[MessageId, Destination]:
        """Return destinations by message id (`Submission.messages`)."""
        return self.submission.messages(self.submission_id)


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
    if None not in [destination.id for destination in submission.destinations]:
        return ""  # every message has an id: nobody will ask, and deriving one costs as much as all the rest of a step
    return submission_id_from_coordinates(record.topic, record.partition, record.offset, element)
