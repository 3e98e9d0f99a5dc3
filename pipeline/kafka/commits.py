"""Commits the finished prefix of every partition that a consumer owns, and by that proves that it still owns them.

Four things ride on a commit. What follows from finished records (a place in a retry tier) is written in the same
transaction. The low-water mark of a journal is kept in the commit's metadata, so that a restart reads no more of the
journal than it needs; beside it, which origins have been seen, so that a repetition is told after a restart too. And a
commit that the group accepts shows that this process is still a member: one that was
paused for longer than the session time-out must not begin work that has gone to another.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata

from pipeline.kafka.ack_tracker import AckTracker
from pipeline.kafka.handoff import HandOff
from pipeline.origin import from_metadata, to_metadata

log = structlog.get_logger(__name__)

# Of the session time-out: renewed well before it ends, and not trusted up to its very end.
RENEW_AFTER: Final = 0.25
TRUST_FOR: Final = 0.7

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
    ) -> None:
        self._consumer = consumer
        self._session_timeout_seconds = session_timeout_seconds
        self._hand_off = hand_off
        self._journal_end = journal_end
        self._committing = asyncio.Lock()
        self._accepted_at = 0.0
        self._trusted_until = 0.0
        self.trackers: dict[TopicPartition, AckTracker] = {}
        self.moved_at = 0.0
        """When a commit last moved a position, on the loop's clock."""

    def begin(self, committed: dict[TopicPartition, OffsetAndMetadata | None]) -> None:
        """Start anew with what the group has committed: what an earlier assignment knew no longer counts."""
        self.trackers = {}
        for place, known in committed.items():
            tracker = self.trackers[place] = AckTracker()
            if known is not None:
                tracker.position = tracker.committed = known.offset
                tracker.know(from_metadata(known.metadata.partition(";")[2]))
            if self._journal_end is not None:
                tracker.mark(low_water(known))
        self.moved_at = asyncio.get_running_loop().time()
        self._accepted()

    @property
    def trusted(self) -> bool:
        """Whether the group has accepted a commit lately enough to still have us as a member."""
        return monotonic() < self._trusted_until

    async def confirm(self) -> bool:
        """Ask the group whether we are still a member; if not, close what we thought was ours."""
        if not self.trusted:
            await self.commit(renew=True)
        return self.trusted

    async def commit(self, *, renew: bool = False) -> None:
        """Commit every position that has moved; with `renew`, or when it is time, the others once more.

        Raises `NotAcknowledged` when a transaction is in doubt.
        """
        async with self._committing:
            age = asyncio.get_running_loop().time() - self._accepted_at
            renew = renew or age > self._session_timeout_seconds * RENEW_AFTER
            plain: dict[TopicPartition, OffsetAndMetadata] = {}
            moved = False
            for place, tracker in list(self.trackers.items()):
                position = tracker.to_commit
                moved = moved or position is not None
                if position is None and renew:
                    position = tracker.position if tracker.position is not None else tracker.oldest_unfinished
                if position is None:
                    continue
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

    def _metadata(self, place: TopicPartition, tracker: AckTracker, position: int) -> str:
        mark = 0
        if self._journal_end is not None:
            mark = tracker.mark_for(position) or 0
            # What is handed out from now on comes after the journal's end of now.
            tracker.mark(self._journal_end(place.partition))
        return f"{mark};{to_metadata(tracker.origins)}"

    async def _commit_plainly(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> bool:
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions have moved on; their new owner replays what we could not commit.
            log.warning("commit_refused", error=repr(error))
            for lost in self.trackers.values():
                lost.closed = True
            return False
        for place, offset in offsets.items():
            if (tracker := self.trackers.get(place)) is not None:
                tracker.committed = offset.offset
        self._accepted()
        return True

    def _accepted(self) -> None:
        self._accepted_at = asyncio.get_running_loop().time()
        self._trusted_until = monotonic() + self._session_timeout_seconds * TRUST_FOR


def low_water(committed: OffsetAndMetadata | None) -> int:
    """Return the journal's low-water mark that a commit carries; 0, the journal's start, when it carries none."""
    mark = committed.metadata.partition(";")[0] if committed is not None else ""
    return int(mark) if mark.isdigit() else 0
