"""The delivery journal: what delivery was about to do with a segment, and what came of it."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from schemas.identifiers import Uuid
from schemas.record import Record
from schemas.unchecked import unchecked


class JournalMark(StrEnum):
    """`submitting` without a later mark is a segment in doubt."""

    SUBMITTING = "submitting"
    ACCEPTED = "accepted"
    REFUSED = "refused"  # permanently
    NOT_SENT = "not_sent"  # or throttled: definitely not taken, may be tried again
    IN_DOUBT = "in_doubt"


class JournalEntry(Record):
    """One mark for one attempt at one segment.

    `topic` and `offset` are the place of the record that was worked on, whose partition has the journal's number.
    `whole`: the attempt was at the whole text, in the name of the first segment.
    """

    schema_version: Literal[1] = 1
    segment_id: str
    mark: JournalMark
    attempt: Annotated[int, Field(ge=1)]
    topic: str
    offset: Annotated[int, Field(ge=0)]
    at: AwareDatetime
    carrier_id: Uuid
    carrier_message_id: str | None = None
    error: str | None = None
    whole: bool | None = None


UncheckedJournalEntry: Final = unchecked(JournalEntry)
