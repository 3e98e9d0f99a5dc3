"""What the delivery journal tells after a restart: for each segment not tried, in doubt, or settled.

A `submitting` mark is durable before the POST, its outcome before the commit. So of the work that is not committed,
a segment without a mark was not tried, one whose last mark is `submitting` may have reached the carrier, and any
other mark says what came of it.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from pipeline.carriers.outcome import AttemptResult, Outcome
from schemas.journal import JournalEntry, JournalMark

_MARKS: Final = {
    Outcome.ACCEPTED: JournalMark.ACCEPTED,
    Outcome.REFUSED: JournalMark.REFUSED,
    Outcome.NOT_TAKEN: JournalMark.NOT_SENT,
    Outcome.IN_DOUBT: JournalMark.IN_DOUBT,
}
_quoted: Final = json.JSONEncoder().encode  # ASCII only, so that any text can be encoded
_OUTCOMES: Final = {mark: outcome for outcome, mark in _MARKS.items()}


class Place(NamedTuple):
    """Where the record of a piece of work is."""

    topic: str
    partition: int
    offset: int


class JournalState:
    """Marks of the work that was not committed when this process got its partitions.

    Holds at most what was in flight then; each piece of work takes its marks when it begins again.
    """

    def __init__(self) -> None:
        self._marks: defaultdict[Place, dict[str, JournalEntry]] = defaultdict(dict)

    def forget(self, topic: str, partition: int) -> None:
        """Drop what is known of a partition, because it goes or comes anew."""
        for place in [it for it in self._marks if it.topic == topic and it.partition == partition]:
            del self._marks[place]

    def apply(self, entry: JournalEntry, partition: int, committed: Mapping[str, int]) -> None:
        """Take in one entry of a journal partition, in order.

        `committed` holds the committed offsets of the topics that are ours in this partition; what is below them, or
        in a topic that is not ours, is no concern.
        """
        if entry.offset >= committed.get(entry.topic, entry.offset + 1):
            self._marks[Place(entry.topic, partition, entry.offset)][entry.segment_id] = entry

    def take(self, place: Place) -> dict[str, JournalEntry]:
        """Return, once, the latest mark of each segment of a piece of work, by segment id."""
        return self._marks.pop(place, {})

    def __len__(self) -> int:
        return len(self._marks)


class Attempt(NamedTuple):
    """An attempt at one segment, as its marks name it. Entries are written by hand: two are made for every segment."""

    place: Place
    segment_id: str
    attempt: int
    carrier_id: str

    def submitting(self, at: datetime) -> bytes:
        """Return the entry that must be durable before the segment is posted."""
        return self._entry(JournalMark.SUBMITTING, at, "")

    def settled(self, result: AttemptResult, at: datetime) -> bytes:
        """Return the entry for what came of it."""
        known = ""
        if result.carrier_message_id is not None:
            known += f',"carrier_message_id":{_quoted(result.carrier_message_id)}'
        if result.error is not None:
            known += f',"error":{_quoted(result.error)}'
        return self._entry(_MARKS[result.outcome], at, known)

    def _entry(self, mark: JournalMark, at: datetime, known: str) -> bytes:
        return (
            f'{{"schema_version":1,"segment_id":"{self.segment_id}","mark":"{mark.value}","attempt":{self.attempt},'
            f'"topic":"{self.place.topic}","offset":{self.place.offset},"at":"{at.isoformat()}",'
            f'"carrier_id":"{self.carrier_id}"{known}}}'
        ).encode()


def result_of(mark: JournalEntry) -> AttemptResult | None:
    """Return what a mark says came of its attempt; None when it says only that one was about to be made."""
    if mark.mark is JournalMark.SUBMITTING:
        return None
    return AttemptResult(_OUTCOMES[mark.mark], carrier_message_id=mark.carrier_message_id, error=mark.error)
