"""Partitions come and go, as the group says: what is done before the first record of one, and after its last."""

import asyncio
from collections.abc import Collection, Mapping
from time import monotonic
from typing import Any, Final, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from pipeline.kafka.admin.committed import committed_by
from pipeline.kafka.consuming.commits import CommitListener, Commits
from pipeline.kafka.consuming.handoff import HandOff
from pipeline.kafka.consuming.lag import Lag
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.consuming.pauses import Pauses
from pipeline.settings import KafkaSettings

log = structlog.get_logger(__name__)

REVOKE_TIMEOUT_SECONDS: Final = 10.0  # begun work may finish before its partition goes; below the rebalance time-out


class Owner(CommitListener, Protocol):
    """Whoever works on the records, and has to know whose they are."""

    async def assigned(
        self, committed: Mapping[TopicPartition, OffsetAndMetadata]
    ) -> Mapping[TopicPartition, int] | None:
        """Make ready for the records of these partitions; of all others none will come.

        Returns the highest offset in each of which a journal says something, None where there is no journal.
        """

    def begun(self, assignments: Mapping[TopicPartition, Assignment]) -> None:
        """Note how these partitions are followed from now on, before anything of them is committed."""


class Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """Takes partitions over and gives them up for one consumer. aiokafka only logs what fails here: see `check`."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        kafka: KafkaSettings,
        group: str,
        commits: Commits,
        pauses: Pauses,
        lag: Lag,
        hand_off: HandOff | None,
        owner: Owner | None,
    ) -> None:
        self._consumer = consumer
        self._kafka = kafka
        self._group = group
        self._commits = commits
        self._pauses = pauses
        self._lag = lag
        self._hand_off = hand_off
        self._owner = owner
        self._failure: BaseException | None = None
        self._proved_at = monotonic()
        self.joined = False
        """Has the group given this member its partitions (perhaps none) at least once?"""

    def check(self) -> None:
        """Raise what taking over or giving up partitions has failed with: they would rest for ever."""
        if self._failure is not None:
            raise self._failure

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Take partitions over."""
        try:
            await self._assign(set(assigned))
        except Exception as error:
            self._fail(error)
            raise

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Give partitions up."""
        try:
            await self._revoke(set(revoked))
        except Exception as error:
            self._fail(error)
            raise
        finally:
            # What proves that we are a member again is asked for from here on.
            self._proved_at = monotonic()

    def _fail(self, error: Exception) -> None:
        log.error("rebalance_failed", group=self._group, error=repr(error))
        self._failure = self._failure or error
        self.joined = False
        self._commits.lose_all()

    async def _assign(self, places: set[TopicPartition]) -> None:
        """Start fresh assignments: what an earlier assignment knew no longer counts."""
        proved_at = self._proved_at
        self._commits.lose_all()
        self._pauses.forget()
        self._lag.forget()
        # aiokafka fetches while this runs; a record that came before its assignment is known would be passed over.
        self._consumer.pause(*places)
        if self._hand_off is not None:
            # First of all: it ends what an earlier owner has begun, so that what is read next stays true.
            await self._hand_off.own({place.partition for place in places})
        committed = await self._committed(places)
        begun_before = None if self._owner is None else await self._owner.assigned(committed)
        for place, known in committed.items():
            # aiokafka may have asked for it before an earlier owner's last transaction came to its end.
            self._consumer.seek(place, known.offset)
        self._commits.begin(committed, begun_before, proved_at)
        if self._owner is not None:
            self._owner.begun(self._commits.assignments)
        # Who was stopped in here for long has taken transactions over from whoever has the partitions now: nothing may
        # follow before the group has said that they are ours.
        await self._commits.confirm_anew()
        self._consumer.resume(*places)
        self.joined = True

    async def _committed(self, places: set[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
        """Return what the group has committed; where it has not, the beginning."""
        known = await committed_by(self._kafka, self._group, places)
        new = [place for place, committed in known.items() if committed is None]
        begins = await self._consumer.beginning_offsets(new) if new else {}
        return {
            place: OffsetAndMetadata(begins[place], "") if committed is None else committed
            for place, committed in known.items()
        }

    async def _revoke(self, places: set[TopicPartition]) -> None:
        """Let work in progress on `places` finish, commit it, and forget them; what goes on then is lost."""
        leaving = [assignment for place, assignment in self._commits.assignments.items() if place in places]
        await finish_begun(leaving, REVOKE_TIMEOUT_SECONDS)
        await self._commits.commit()
        for assignment in leaving:
            assignment.lose()


async def finish_begun(assignments: Collection[Assignment], limit_seconds: float) -> None:
    """Let begun work finish, and none begin; what takes longer than the limit is left behind."""
    for assignment in assignments:
        assignment.closed = True
    deadline = asyncio.get_running_loop().time() + limit_seconds
    while any(assignment.in_progress for assignment in assignments):
        if asyncio.get_running_loop().time() > deadline:
            log.warning("work_left_behind", records=sum(assignment.in_progress for assignment in assignments))
            return
        await asyncio.sleep(0.01)
