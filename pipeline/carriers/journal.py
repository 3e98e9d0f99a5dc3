"""What the delivery journal tells after a restart: for each segment not tried, in doubt, or settled.

A `submitting` mark is durable before the POST, its outcome before the commit. So of the work that is not committed,
a segment without a mark was not tried, one whose last mark is `submitting` may have reached the carrier, and any
other mark says what came of it.

A status can be written and its commit be lost. So after a restart the statuses since these marks are looked through
too: a message that has been told of is not told of again.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from pipeline.carriers.outcome import AttemptResult, Outcome
from schemas.journal import JournalEntry, JournalMark
from schemas.record import Coordinates
from schemas.status import MessageStatus, StatusStage

_MARKS: Final = {
    Outcome.ACCEPTED: JournalMark.ACCEPTED,
    Outcome.REFUSED: JournalMark.REFUSED,
    Outcome.NOT_TAKEN: JournalMark.NOT_SENT,
    Outcome.IN_DOUBT: JournalMark.IN_DOUBT,
}
_quoted: Final = json.JSONEncoder().encode  # ASCII only, so that any text can be encoded
_OUTCOMES: Final = {mark: outcome for outcome, mark in _MARKS.items()}


class JournalState:
    """Marks of the work that was not committed when this process got its partitions.

    Holds at most what was in flight then; each piece of work takes its marks when it begins again.
    """

    def __init__(self) -> None:
        self._marks: defaultdict[Coordinates, dict[str, JournalEntry]] = defaultdict(dict)
        self._posted_again: defaultdict[Coordinates, set[str]] = defaultdict(set)
        self._begun: dict[Coordinates, tuple[str, datetime]] = {}
        self._told: dict[str, MessageStatus] = {}

    def forget(self, topic: str, partition: int) -> None:
        """Drop what is known of a partition, because it goes or comes anew."""
        for coordinates in [it for it in self._marks if it.topic == topic and it.partition == partition]:
            del self._marks[coordinates]
            self._posted_again.pop(coordinates, None)
            del self._begun[coordinates]

    def apply(self, entry: JournalEntry, partition: int, committed: Mapping[str, int]) -> None:
        """Take in one entry of a journal partition, in order.

        `committed` holds the committed offsets of the topics that are ours in this partition; what is below them, or
        in a topic that is not ours, is no concern.
        """
        if entry.offset >= committed.get(entry.topic, entry.offset + 1):
            coordinates = Coordinates(entry.topic, partition, entry.offset)
            marks = self._marks[coordinates]
            if entry.mark is JournalMark.SUBMITTING and entry.segment_id in marks:
                self._posted_again[coordinates].add(entry.segment_id)
            marks[entry.segment_id] = entry
            self._begun.setdefault(coordinates, (entry.segment_id.rpartition(":")[0], entry.at))

    def highest(self, topic: str, partition: int) -> int | None:
        """Return the highest offset of a partition that has marks; None without any."""
        offsets = (it.offset for it in self._marks if it.topic == topic and it.partition == partition)
        return max(offsets, default=None)

    def take(self, coordinates: Coordinates) -> dict[str, JournalEntry]:
        """Return, once, the latest mark of each segment of a piece of work, by segment id."""
        self._begun.pop(coordinates, None)
        return self._marks.pop(coordinates, {})

    @property
    def begun_since(self) -> datetime | None:
        """When the oldest work with marks was begun: its status cannot be older. None without such work."""
        return min((at for _, at in self._begun.values()), default=None)

    def learn(self, statuses: Iterable[MessageStatus]) -> None:
        """Take in statuses that may be those of work with marks, instead of what was taken in before.

        A status from before the first mark is about an earlier record of the same message.
        """
        begun = dict(self._begun.values())
        self._told = {
            it.message_id: it
            for it in statuses
            if it.stage is StatusStage.PROCESSING and it.message_id in begun and it.ended_at >= begun[it.message_id]
        }

    def told(self, message_id: str) -> MessageStatus | None:
        """Return, once, the status that an earlier life has written about a message."""
        return self._told.pop(message_id, None) if self._told else None

    def posted_again(self, coordinates: Coordinates) -> set[str]:
        """Return, once, the segments that were marked a second time: posted although they may have been taken."""
        return self._posted_again.pop(coordinates, set())

    def __len__(self) -> int:
        return len(self._marks)


class Attempt(NamedTuple):
    """An attempt at one segment, as its marks name it. Entries are written by hand: two are made for every segment."""

    coordinates: Coordinates
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
            f'"topic":"{self.coordinates.topic}","offset":{self.coordinates.offset},"at":"{at.isoformat()}",'
            f'"carrier_id":"{self.carrier_id}"{known}}}'
        ).encode()


def result_of(mark: JournalEntry) -> AttemptResult | None:
    """Return what a mark says came of its attempt; None when it says only that one was about to be made."""
    if mark.mark is JournalMark.SUBMITTING:
        return None
    return AttemptResult(_OUTCOMES[mark.mark], carrier_message_id=mark.carrier_message_id, error=mark.error)
