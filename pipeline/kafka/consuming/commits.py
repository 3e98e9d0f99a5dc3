"""Commits the finished prefix of every partition that a consumer owns, and by that proves that it still owns them.

Six things ride on a commit. What follows from finished records (a place in a retry tier) is written in the same
transaction. The low-water mark of a journal is kept in the commit's metadata, so that a restart reads no more of the
journal than it needs; beside it, which origins have been seen, so that a repetition is told after a restart too, and
what is finished beyond the position, so that it is not done again; and how many records in a row could not be read. And
a commit that the group accepts shows that this process is still a member: one that was paused for longer than the
session time-out must not begin work that has gone to another.
"""

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic, time
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata

from pipeline.dead_letters.brake import brake_error
from pipeline.kafka.consuming.ack_tracker import AckTracker
from pipeline.kafka.consuming.finished_ranges import FinishedRanges, to_text
from pipeline.kafka.consuming.handoff import HandOff
from schemas.causation import from_metadata, to_metadata

log = structlog.get_logger(__name__)

# Of the session time-out: renewed well before it ends, and not trusted up to its very end.
RENEW_AFTER: Final = 0.25
TRUST_FOR: Final = 0.7
CONFIRM_TRIES: Final = 5  # an answer that took longer than it is trusted for proves nothing: ask again

JournalEnd = Callable[[int], int]
"""Says where the journal of a partition ends, as far as this process knows."""


class Commits:
    """The trackers of the partitions that are ours now, and their commits."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        *,
        session_timeout_seconds: float,
        hand_off: HandOff | None = None,
        journal_end: JournalEnd | None = None,
        brake: int = 0,
    ) -> None:
        self._consumer = consumer
        self._session_timeout_seconds = session_timeout_seconds
        self._hand_off = hand_off
        self._journal_end = journal_end
        self._brake = brake
        self._committing = asyncio.Lock()
        self._accepted_at = 0.0
        self._trusted_until = 0.0
        self.trackers: dict[TopicPartition, AckTracker] = {}
        self.moved_at = 0.0
        """When a commit last moved a position, on the loop's clock."""

    def begin(
        self, committed: Mapping[TopicPartition, OffsetAndMetadata | None], begun_before: Mapping[TopicPartition, int]
    ) -> None:
        """Start anew with what the group has committed: what an earlier assignment knew no longer counts.

        `begun_before` has the highest offset of each place that the journal says something about.
        """
        for former in self.trackers.values():
            former.lose()
        self.trackers = {}
        for place, known in committed.items():
            tracker = self.trackers[place] = AckTracker(self._brake)
            if known is not None:
                tracker.position = tracker.committed = known.offset
                _, origins, finished, row = (*known.metadata.split(";"), "", "", "", "")[:4]
                tracker.row = tracker.committed_row = int(row) if row.isdecimal() else 0
                tracker.know(from_metadata(origins), FinishedRanges.parse(finished, known.offset))
            if self._journal_end is not None:
                tracker.mark(low_water(known))
                tracker.begun_before = begun_before.get(place, -1)
        self.moved_at = asyncio.get_running_loop().time()
        self._accepted(monotonic())

    @property
    def trusted(self) -> bool:
        """Whether the group has accepted a commit lately enough to still have us as a member."""
        return monotonic() < self._trusted_until

    async def confirm(self) -> bool:
        """Ask the group whether we are still a member; if not, what we thought was ours is lost."""
        for _ in range(CONFIRM_TRIES):
            if self.trusted:
                return True
            await self.commit(renew=True)
        if not self.trusted:
            for tracker in self.trackers.values():
                tracker.lose()
        return self.trusted

    async def commit(self, *, renew: bool = False) -> None:
        """Commit every position that has moved; with `renew`, or when it is time, the others once more.

        Raises `NotAcknowledged` when a transaction is in doubt, and `DeadLetterBrake`.
        """
        async with self._committing:
            age = asyncio.get_running_loop().time() - self._accepted_at
            renew = renew or age > self._session_timeout_seconds * RENEW_AFTER
            plain: dict[TopicPartition, OffsetAndMetadata] = {}
            moved = False
            for place, tracker in list(self.trackers.items()):
                position, ranges = tracker.to_commit, tracker.finished_ranges()
                stands = position is None
                moved = moved or not stands
                if stands and (renew or ranges):
                    position = tracker.position if tracker.position is not None else tracker.oldest_unfinished
                if position is None:
                    continue
                finished = to_text(position, ranges)
                if stands and not renew and finished == tracker.committed_ranges:
                    continue
                tracker.committed_ranges = finished
                if not tracker.braked:
                    tracker.committed_row = tracker.row
                elif not stands:
                    tracker.committed_row = 0  # the position is before the row
                offset = OffsetAndMetadata(position, self._metadata(place, tracker, position))
                if self._hand_off is not None and (following := tracker.take_following(position)):
                    await self._hand_off.commit(place, offset, following)
                    tracker.committed = position
                else:
                    plain[place] = offset
            if plain and not await self._commit_plainly(plain):
                return
            if moved:
                self.moved_at = asyncio.get_running_loop().time()
            for place, tracker in self.trackers.items():
                if tracker.braked:
                    raise brake_error(place.topic, place.partition, tracker.row)

    def _metadata(self, place: TopicPartition, tracker: AckTracker, position: int) -> str:
        mark = 0
        if self._journal_end is not None:
            mark = tracker.mark_for(position) or 0
            # What is handed out from now on comes after the journal's end of now.
            tracker.mark(self._journal_end(place.partition))
        finished = f"{int(time() * 1000)}:{tracker.committed_ranges}" if tracker.committed_ranges else ""
        return f"{mark};{to_metadata(tracker.origins)};{finished};{tracker.committed_row or ''}"

    async def _commit_plainly(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> bool:
        asked_at = monotonic()  # a process that is paused before it reads the answer must not trust it from then on
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions have moved on; their new owner replays what we could not commit.
            log.warning("commit_refused", error=repr(error))
            for lost in self.trackers.values():
                lost.lose()
            return False
        for place, offset in offsets.items():
            if (tracker := self.trackers.get(place)) is not None:
                tracker.committed = offset.offset
        self._accepted(asked_at)
        return True

    def _accepted(self, asked_at: float) -> None:
        self._accepted_at = asyncio.get_running_loop().time()
        self._trusted_until = asked_at + self._session_timeout_seconds * TRUST_FOR


def low_water(committed: OffsetAndMetadata | None) -> int:
    """Return the journal's low-water mark that a commit carries; 0, the journal's start, when it carries none."""
    mark = committed.metadata.partition(";")[0] if committed is not None else ""
    return int(mark) if mark.isdigit() else 0
