"""What the delivery journal tells after a restart: for each segment not tried, in doubt, or settled.

A `submitting` mark is durable before the POST, its outcome before the commit. So of the work that is not committed,
a segment without a mark was not tried, one whose last mark is `submitting` may have reached the carrier, and any
other mark says what came of it.

A status can be written and its commit be lost. So after a restart the statuses since these marks are looked through
too: a message whose end has been reported is not reported again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from pipeline.carriers.outcome import AttemptResult, Outcome
from schemas.messages.status import MessageStatus, StatusStage
from schemas.record import Coordinates
from schemas.state.journal import JournalEntry, JournalMark, UncheckedJournalEntry
from schemas.unchecked import encode

_MARKS: Final = {
    Outcome.ACCEPTED: JournalMark.ACCEPTED,
    Outcome.REFUSED: JournalMark.REFUSED,
    Outcome.NOT_TAKEN: JournalMark.NOT_SENT,
    Outcome.IN_DOUBT: JournalMark.IN_DOUBT,
}
_OUTCOMES: Final = {mark: outcome for outcome, mark in _MARKS.items()}


class JournalState:
    """Marks of the work that was not committed when this process got its partitions.

    Holds at most what was in flight then; each piece of work takes its marks when it begins again.
    """

    def __init__(self) -> None:
        self._marks: defaultdict[Coordinates, dict[str, JournalEntry]] = defaultdict(dict)
        self._posted_again: defaultdict[Coordinates, set[str]] = defaultdict(set)
        self._begun: dict[Coordinates, tuple[str, datetime]] = {}
        self._begun_at: dict[str, datetime] = {}
        self._reported: defaultdict[str, dict[str, MessageStatus]] = defaultdict(dict)  # by message, then by trunk

    def forget(self, topic: str, partition: int) -> None:
        """Drop what is known of a partition, because it goes or comes anew."""
        self.forget_where(lambda it: it.topic == topic and it.partition == partition)

    def forget_where(self, is_meant: Callable[[Coordinates], bool]) -> None:
        """Drop what is known of the records that are meant."""
        for coordinates in [it for it in self._marks if is_meant(it)]:
            del self._marks[coordinates]
            self._posted_again.pop(coordinates, None)
            message_id = self._forget_begun(coordinates)
            if message_id is not None:
                self._reported.pop(message_id, None)

    def apply(
        self,
        entry: JournalEntry,
        partition: int,
        committed: Mapping[str, int],
        is_parked: Callable[[Coordinates], bool] = lambda _: False,
    ) -> None:
        """Take in one entry of a journal partition, in order.

        `committed` holds the committed offsets of the topics that are ours in this partition; what is below them, or
        in a topic that is not ours, is no concern, unless it was parked.
        """
        coordinates = Coordinates(entry.topic, partition, entry.offset)
        if entry.offset < committed.get(entry.topic, entry.offset + 1) and not is_parked(coordinates):
            return
        marks = self._marks[coordinates]
        if entry.mark is JournalMark.SUBMITTING and entry.segment_id in marks:
            self._posted_again[coordinates].add(entry.segment_id)
        marks[entry.segment_id] = entry
        if coordinates not in self._begun:
            message_id = entry.segment_id.rpartition(":")[0]
            self._begun[coordinates] = (message_id, entry.at)
            self._begun_at[message_id] = min(entry.at, self._begun_at.get(message_id, entry.at))

    def knows(self, coordinates: Coordinates) -> bool:
        """Tell whether there are marks of a piece of work."""
        return coordinates in self._marks

    def carrier_of(self, coordinates: Coordinates) -> str | None:
        """Return the carrier that the marks of a piece of work name; None without marks.

        It is one for all of them: a message goes to another carrier as another record, or before it has marks.
        """
        marks = self._marks.get(coordinates)
        return None if not marks else next(iter(marks.values())).carrier_id

    def __iter__(self) -> Iterator[Coordinates]:
        return iter(tuple(self._marks))

    def highest(self, topic: str, partition: int) -> int | None:
        """Return the highest offset of a partition that has marks; None without any."""
        offsets = (it.offset for it in self._marks if it.topic == topic and it.partition == partition)
        return max(offsets, default=None)

    def take(self, coordinates: Coordinates) -> dict[str, JournalEntry]:
        """Return, once, the latest mark of each segment of a piece of work, by segment id."""
        self._forget_begun(coordinates)
        return self._marks.pop(coordinates, {})

    def _forget_begun(self, coordinates: Coordinates) -> str | None:
        begun = self._begun.pop(coordinates, None)
        if begun is None:
            return None
        self._begun_at.pop(begun[0], None)
        return begun[0]

    @property
    def begun_since(self) -> datetime | None:
        """When the oldest work with marks was begun: its status cannot be older. None without such work."""
        return min((at for _, at in self._begun.values()), default=None)

    def waits_for(self, message_id: str) -> bool:
        """Tell whether there is work with marks about a message: its status is wanted."""
        return message_id in self._begun_at

    def learn(self, status: MessageStatus) -> None:
        """Take in a status that may be that of work with marks.

        A status from before the first mark is about an earlier record of the same message.
        """
        begun_at = self._begun_at.get(status.message_id)
        if begun_at is not None and status.stage is StatusStage.PROCESSING and status.ended_at >= begun_at:
            self._reported[status.message_id][status.trunk_id] = status

    def reported(self, message_id: str, trunk_id: str) -> MessageStatus | None:
        """Return, once, the status that an earlier life has written about a message of a trunk.

        Producers choose ids: another trunk's message may have the same, and what became of it says nothing about ours.
        """
        by_trunk = self._reported.get(message_id) if self._reported else None
        if by_trunk is None:
            return None
        status = by_trunk.pop(trunk_id, None)
        if not by_trunk:
            del self._reported[message_id]
        return status

    def posted_again(self, coordinates: Coordinates) -> set[str]:
        """Return, once, the segments that were marked a second time: posted although they may have been taken."""
        return self._posted_again.pop(coordinates, set())

    def __len__(self) -> int:
        return len(self._marks)


class Attempt(NamedTuple):
    """An attempt at one segment, as its marks name it."""

    coordinates: Coordinates
    segment_id: str
    attempt: int
    carrier_id: str
    whole: bool = False

    def submitting(self, at: datetime) -> bytes:
        """Return the entry that must be durable before the segment is posted."""
        return self._entry(JournalMark.SUBMITTING, at)

    def settled(self, result: AttemptResult, at: datetime) -> bytes:
        """Return the entry for what came of it."""
        return self._entry(_MARKS[result.outcome], at, result.carrier_message_id, result.error)

    def _entry(
        self, mark: JournalMark, at: datetime, carrier_message_id: str | None = None, error: str | None = None
    ) -> bytes:
        return encode(
            UncheckedJournalEntry(
                segment_id=self.segment_id,
                mark=mark,
                attempt=self.attempt,
                topic=self.coordinates.topic,
                offset=self.coordinates.offset,
                at=at,
                carrier_id=self.carrier_id,
                carrier_message_id=carrier_message_id,
                error=error,
                whole=self.whole or None,
            )
        )


def result_of(mark: JournalEntry) -> AttemptResult | None:
    """Return what a mark says came of its attempt; None when it says only that one was about to be made."""
    if mark.mark is JournalMark.SUBMITTING:
        return None
    return AttemptResult(_OUTCOMES[mark.mark], carrier_message_id=mark.carrier_message_id, error=mark.error)
