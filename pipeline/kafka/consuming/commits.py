"""Commits the finished prefix of every partition that a consumer owns, and by that proves that it still owns them.

What follows from finished records (a place in a retry tier) is written in the same transaction; what a restart has to
know rides on the commit as metadata (`commit_metadata`). And a commit that the group accepts shows that this process is
still a member: one that was paused for longer than the session time-out must not begin work that has gone to another.
"""

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Final, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata

from pipeline.dead_letters.brake import brake_error
from pipeline.kafka.consuming.handoff import HandOff
from pipeline.kafka.consuming.partition.assignment import Assignment
from schemas.record import OutRecord

log = structlog.get_logger(__name__)

# Of the session time-out: renewed well before it ends, and not trusted up to its very end.
RENEW_AFTER: Final = 0.25
TRUST_FOR: Final = 0.7
CONFIRM_TRIES: Final = 5  # an answer that took longer than it is trusted for proves nothing: ask again


class CommitListener(Protocol):
    """Who is told of commits, and says how far a journal goes (`pipeline.kafka.consuming.consumer.Owner`)."""

    def committed(self, place: TopicPartition, position: int) -> None:
        """Note that a commit has passed what lies before `position`."""

    def journal_end(self, partition: int) -> int | None:
        """Return where the journal of a partition ends, as far as is known; None without one."""


class Commits:
    """The partitions that are ours now, and their commits."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        *,
        session_timeout_seconds: float,
        hand_off: HandOff | None = None,
        owner: CommitListener | None = None,
        brake: int = 0,
    ) -> None:
        self._consumer = consumer
        self._session_timeout_seconds = session_timeout_seconds
        self._hand_off = hand_off
        self._owner = owner
        self._brake = brake
        self._committing = asyncio.Lock()
        self._accepted_at = 0.0
        self._trusted_until = 0.0
        self.assignments: dict[TopicPartition, Assignment] = {}
        self.moved_at = 0.0
        """When a commit last moved a position, on the loop's clock."""

    def begin(
        self,
        committed: Mapping[TopicPartition, OffsetAndMetadata],
        begun_before: Mapping[TopicPartition, int] | None,
        proved_at: float,
    ) -> None:
        """Start anew with what the group has committed: what an earlier assignment knew no longer counts.

        `begun_before` has the highest offset of each place that the journal says something about, None where there is
        no journal. `proved_at` is when the group was asked for what it then answered with this assignment (monotonic
        clock): how long it is trusted counts from there, however long making ready has taken.
        """
        self.lose_all()
        self.assignments = {
            place: Assignment(
                known,
                brake=self._brake,
                begun_before=None if begun_before is None else begun_before.get(place, -1),
            )
            for place, known in committed.items()
        }
        self.moved_at = asyncio.get_running_loop().time()
        self._accepted(proved_at)

    def lose_all(self) -> None:
        """Note that nothing is ours any more."""
        for assignment in self.assignments.values():
            assignment.lose()

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
            self.lose_all()
        return self.trusted

    async def confirm_anew(self) -> bool:
        """Ask the group whether what was just begun is ours, whatever is trusted; if not, it is lost."""
        self._trusted_until = 0.0
        return await self.confirm()

    async def commit(self, *, renew: bool = False) -> None:
        """Commit every position that has moved; with `renew`, or when it is time, the others once more.

        Raises `NotAcknowledged` when a transaction is in doubt, after which nothing is ours, and `DeadLetterBrake`.
        """
        async with self._committing:
            age = asyncio.get_running_loop().time() - self._accepted_at
            renew = renew or age > self._session_timeout_seconds * RENEW_AFTER
            plain: dict[TopicPartition, OffsetAndMetadata] = {}
            moved = False
            for place, assignment in list(self.assignments.items()):
                moved = moved or assignment.to_commit is not None
                journal_end = None if self._owner is None else self._owner.journal_end(place.partition)
                offset = assignment.next_commit(renew=renew, journal_end=journal_end)
                if offset is None:
                    continue
                if self._hand_off is not None and (outbox := assignment.take_outbox(offset.offset)):
                    await self._hand_on(self._hand_off, place, offset, outbox)
                    self._note(place, assignment, offset.offset)
                else:
                    plain[place] = offset
            if plain and not await self._commit_plainly(plain):
                return
            if moved:
                self.moved_at = asyncio.get_running_loop().time()
            for place, assignment in self.assignments.items():
                if assignment.braked:
                    raise brake_error(place.topic, place.partition, assignment.row)

    async def _hand_on(
        self, hand_off: HandOff, place: TopicPartition, offset: OffsetAndMetadata, outbox: Sequence[OutRecord]
    ) -> None:
        try:
            await hand_off.commit(place, offset, outbox)
        except BaseException:
            # What was to be written is in nobody's hands any more. This process is about to end, and until it does a
            # rebalance, or whoever asks for proof of membership, may commit: a position that left it behind.
            self.lose_all()
            raise

    async def _commit_plainly(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> bool:
        asked_at = monotonic()  # a process that is paused before it reads the answer must not trust it from then on
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions have moved on; their new owner replays what we could not commit.
            log.warning("commit_refused", error=repr(error))
            self.lose_all()
            return False
        for place, offset in offsets.items():
            if (assignment := self.assignments.get(place)) is not None:
                self._note(place, assignment, offset.offset)
        self._accepted(asked_at)
        return True

    def _note(self, place: TopicPartition, assignment: Assignment, position: int) -> None:
        assignment.committed(position)
        if self._owner is not None:
            self._owner.committed(place, position)

    def _accepted(self, asked_at: float) -> None:
        self._accepted_at = asyncio.get_running_loop().time()
        self._trusted_until = asked_at + self._session_timeout_seconds * TRUST_FOR
