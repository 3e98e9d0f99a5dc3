"""A group member that hands out records and commits the finished prefix.

Records may finish in any order; commits never pass one that has not. Membership is static (`group_instance_id`), so
a killed process that comes back takes its partitions at once instead of after the session time-out.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from time import monotonic, time
from typing import Any, Protocol, Self
from zlib import crc32

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError
from aiokafka.structs import OffsetAndMetadata

from pipeline.errors import Stuck
from pipeline.kafka.admin.committed import committed_by
from pipeline.kafka.client import connection, start, stop
from pipeline.kafka.consuming.commits import Commits
from pipeline.kafka.consuming.handoff import HandOff
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.consuming.pauses import Pauses, WaitSeconds
from pipeline.kafka.consuming.watchdog import watch
from pipeline.kafka.consuming.work import Work
from pipeline.measuring.ages import STEP_MS, Ages
from pipeline.metrics import LAG, OLDEST, REPEATED, RETRY_DUE, RETRY_PENDING
from pipeline.settings import AgentSettings, KafkaSettings
from pipeline.slot import Slot
from schemas.headers.causation import causation_of
from schemas.record import InRecord

log = structlog.get_logger(__name__)

COMMIT_INTERVAL_SECONDS = 0.5  # what a crash replays at most, beside what was in flight
# Under load a fetch for every few records costs broker and consumer more than the records: let some more gather.
BUSY_RECORDS = 8
BUSY_PAUSE_SECONDS = 0.010
OUTSTANDING = 5000  # records of a partition that have something to write at their commit
REVOKE_TIMEOUT_SECONDS = 10.0  # work in progress may finish before its partition goes; below the rebalance time-out


def _member(group: str, slot: Slot, topics: tuple[str, ...]) -> str:
    """Return the static member's id: that of the slot, with a mark of the topics when there are several.

    The broker gives a returning static member what it had before, without a look at what it subscribes to now: after
    a change of the retry schedule the new tiers would lie there unread, and the old ones end the process. Under
    another id it is a new member; the old one's share comes to it after the session time-out.
    """
    if len(topics) == 1:
        return slot.member(group)
    return f"{slot.member(group)}-{crc32(' '.join(sorted(topics)).encode()):08x}"


class Owner(Protocol):
    """Whoever works on the records, and has to know whose they are."""

    async def assigned(
        self, committed: Mapping[TopicPartition, OffsetAndMetadata]
    ) -> Mapping[TopicPartition, int] | None:
        """Make ready for the records of these partitions; of all others none will come.

        Returns the highest offset in each of which a journal says something, None where there is no journal.
        """

    def begun(self, assignments: Mapping[TopicPartition, Assignment]) -> None:
        """Note how these partitions are followed from now on, before anything of them is committed."""

    def committed(self, place: TopicPartition, position: int) -> None:
        """Note that a commit has passed what lies before `position`."""

    def journal_end(self, partition: int) -> int | None:
        """Return where the journal of a partition ends, as far as is known; None without one."""


class TrackedConsumer:
    """Consumes `topics` as the static member of `group` that `slot` is.

    Two bounds per partition: `outstanding` is how many records may have something to write at their commit, which is
    in memory until then; `run_ahead` how many may lie between the oldest unfinished one and the newest: so much is read
    again after a crash. What has to wait meanwhile is up to whoever works on the records.

    With `wait_seconds` a record that is not due, and what is behind it in its partition, stays in Kafka until it is:
    waiting costs disk, not memory, and holds up no other partition.

    With `hand_off` what follows from a record (`Assignment.finish`) is written in one transaction with its commit.
    `owner` is told what is ours, and what of it is committed.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        agent: AgentSettings,
        *,
        slot: Slot,
        group: str,
        topics: Sequence[str],
        run_ahead: int,
        outstanding: int = OUTSTANDING,
        wait_seconds: WaitSeconds | None = None,
        hand_off: HandOff | None = None,
        owner: Owner | None = None,
    ) -> None:
        self._kafka = kafka
        self._agent = agent
        self._group = group
        self._topics = tuple(topics)
        self._is_tier = wait_seconds is not None
        self._owner = owner
        self._failure: BaseException | None = None
        self._proved_at = monotonic()
        self._positions: dict[TopicPartition, int] = {}
        self._ages: dict[TopicPartition, Ages] = {}
        self.joined = False
        """Has the group given this member its partitions (perhaps none) at least once?"""
        self._consumer = AIOKafkaConsumer(
            **connection(kafka),
            client_id=f"{group}-{slot.number}",
            group_id=group,
            group_instance_id=_member(group, slot, self._topics),
            # One member gets the same partitions of every topic: see HandOff.
            partition_assignment_strategy=(RangePartitionAssignor,),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # Tiers are written in transactions; elsewhere this changes nothing.
            isolation_level="read_committed",
            session_timeout_ms=int(kafka.session_timeout_seconds * 1000),
            heartbeat_interval_ms=3000,
            max_poll_interval_ms=300_000,
            rebalance_timeout_ms=60_000,
            retry_backoff_ms=50,
            fetch_max_wait_ms=500,
            max_partition_fetch_bytes=4_194_304,
        )
        self._pauses = Pauses(self._consumer, outstanding=outstanding, run_ahead=run_ahead, wait_seconds=wait_seconds)
        self._hand_off = hand_off
        self._commits = Commits(
            self._consumer,
            session_timeout_seconds=kafka.session_timeout_seconds,
            hand_off=self._hand_off,
            owner=owner,
            brake=agent.dead_letter_brake,
        )

    async def start(self) -> Self:
        """Connect, and begin to join; `joined` tells when the group has answered. Raises `BrokerUnreachable`."""
        await start(self._consumer, self._kafka)
        # Not before: aiokafka's start would wait for the group, which can wait for a member that is gone until its
        # session ends, and that is no unreachable broker.
        self._consumer.subscribe(self._topics, listener=_Listener(self))
        self._commits.moved_at = asyncio.get_running_loop().time()
        return self

    async def may_begin(self, work: Work) -> bool:
        """Ask leave to begin `work`: False when it has gone to another member, also while this process was paused."""
        if not self._commits.trusted:
            await self._commits.confirm()
        return work.begin()

    async def is_member(self) -> bool:
        """Tell whether the group still has us. Where it has not, all that we thought was ours is lost."""
        return self._commits.trusted or await self._commits.confirm()

    async def still_ours(self, work: Work) -> bool:
        """Tell, right before something that cannot be undone, whether begun work is still ours.

        It is while the partition is being given up, too: what is begun may finish then.
        """
        return await self.is_member() and not work.lost

    async def batches(self, stopping: asyncio.Event) -> AsyncIterator[list[Work]]:
        """Yield records as they come, in order per partition, until `stopping` is set."""
        while not stopping.is_set():
            self._raise_failure()
            self._pauses.look(self._commits.assignments)
            fetched = await self._consumer.getmany(timeout_ms=200, max_records=500)
            batch: list[Work] = []
            for place, records in fetched.items():
                assignment = self._commits.assignments.get(place)
                if assignment is None or assignment.closed:
                    continue
                ages = self._ages.setdefault(place, Ages())
                for record in records:
                    if self._pauses.must_wait(place, record):
                        break
                    if not -STEP_MS < record.timestamp - ages.last_ms < STEP_MS:
                        ages.note(record.offset, record.timestamp)
                    if not assignment.hand_out(record.offset, causation_of(record.headers), record.timestamp):
                        REPEATED.inc()
                        continue
                    batch.append(
                        Work(
                            InRecord(
                                record.topic,
                                record.partition,
                                record.offset,
                                record.timestamp,
                                record.key,
                                record.value,
                                record.headers,
                            ),
                            assignment,
                        )
                    )
            if batch:
                yield batch
            if len(batch) >= BUSY_RECORDS:
                await asyncio.sleep(BUSY_PAUSE_SECONDS)

    async def commit(self) -> None:
        """Commit every partition's finished prefix that has moved. Raises `NotAcknowledged`."""
        await self._commits.commit()

    async def run_commits(self) -> None:
        """Commit regularly until cancelled. Raises `Stuck` when work waits and nothing moves for too long."""
        watching = asyncio.create_task(self._watch())
        try:
            while True:
                await asyncio.sleep(COMMIT_INTERVAL_SECONDS)
                self._raise_failure()
                if watching.done():
                    watching.result()
                await self.commit()
                await self._note_positions()
                now = asyncio.get_running_loop().time()
                if not self.lag():
                    self._commits.moved_at = now
                elif now - self._commits.moved_at > self._agent.watchdog_seconds:
                    raise Stuck(f"{self.lag()} records wait in {self._topics} and nothing was committed for "
                                f"{self._agent.watchdog_seconds:g} s")  # fmt: skip
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    async def _watch(self) -> None:
        """Watch by what the broker says. In a tier it cannot tell what waits from what is not due."""
        if not self._is_tier:
            await watch(
                self._kafka,
                self._group,
                self._topics,
                max(self._agent.watchdog_seconds, 4 * COMMIT_INTERVAL_SECONDS),
                lambda: [place for place, assignment in self._commits.assignments.items() if not assignment.closed],
            )

    def lag(self) -> int:
        """Return how many records of our partitions are not finished, as far as the last fetch tells.

        Records that are not due, and those behind them, do not count: nothing is late with them.
        """
        return sum(self._lag_of(place, assignment) for place, assignment in self._commits.assignments.items())

    def _lag_of(self, place: TopicPartition, assignment: Assignment) -> int:
        if assignment.closed or assignment.last_offset is None or self._pauses.is_waiting(place):
            return assignment.outstanding
        return assignment.outstanding + self._ahead(
            place, max(assignment.last_offset + 1, self._positions.get(place, 0))
        )

    def _ahead(self, place: TopicPartition, offset: int) -> int:
        highwater = self._consumer.highwater(place)
        return 0 if highwater is None else max(0, highwater - offset)

    def report(self, agent: str) -> None:
        """Bring the metrics of our partitions up to date, one series for each topic."""
        late, pending = dict.fromkeys(self._topics, 0), dict.fromkeys(self._topics, 0)
        oldest, due = dict.fromkeys(self._topics, 0.0), dict.fromkeys(self._topics, 0.0)
        for place, assignment in self._commits.assignments.items():
            topic = place.topic
            lag = self._lag_of(place, assignment)
            late[topic] += lag
            oldest[topic] = max(oldest[topic], self._oldest_seconds(place, assignment))
            held = None if assignment.closed else self._pauses.until_due(place)
            pending[topic] += lag if held is None else assignment.outstanding + self._ahead(place, held[0])
            if held is not None:
                due[topic] = min(due[topic] or held[1], held[1])
        for topic in self._topics:
            LAG.labels(agent, topic).set(late[topic])
            OLDEST.labels(agent, topic).set(oldest[topic])
            if self._is_tier:
                RETRY_PENDING.labels(agent, topic).set(pending[topic])
                RETRY_DUE.labels(agent, topic).set(due[topic])

    def _oldest_seconds(self, place: TopicPartition, assignment: Assignment) -> float:
        offset, ages = next(assignment.oldest_waiting(), None), self._ages.get(place)
        written_ms = None if offset is None or ages is None else ages.of(offset)
        return 0.0 if written_ms is None else max(0.0, time() - written_ms / 1000)

    async def _note_positions(self) -> None:
        """Note how far the fetcher has come: transactions leave markers, which are never handed out, behind records."""
        for place, assignment in list(self._commits.assignments.items()):
            if not assignment.closed:
                with suppress(IllegalStateError):  # taken away meanwhile
                    self._positions[place] = await self._consumer.position(place)
                    assignment.reach(self._positions[place])

    async def drain(self) -> None:
        """Let begun work finish (at most `drain_timeout_seconds`), begin no other, and commit."""
        await self._close(list(self._commits.assignments.values()), self._agent.drain_timeout_seconds)
        await self.commit()

    async def stop(self) -> None:
        """Disconnect. The static membership stays, so that the next process of this slot goes on at once."""
        await stop(self._consumer)
        if self._hand_off is not None:
            await self._hand_off.stop()

    @property
    def assignments(self) -> Mapping[TopicPartition, Assignment]:
        """What is ours now."""
        return self._commits.assignments

    def _raise_failure(self) -> None:
        """Raise what taking over or giving up partitions has failed with: they would rest for ever."""
        if self._failure is not None:
            raise self._failure

    async def assigned(self, places: set[TopicPartition]) -> None:
        """Take partitions over; a failure ends `batches` and `run_commits`: aiokafka would only log it."""
        try:
            await self._assign(places)
        except Exception as error:
            self._fail(error)
            raise

    async def revoked(self, places: set[TopicPartition]) -> None:
        """Give partitions up; a failure ends `batches` and `run_commits`: aiokafka would only log it."""
        try:
            await self._revoke(places)
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
        self._positions.clear()
        self._ages.clear()
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
        await self._close(leaving, REVOKE_TIMEOUT_SECONDS)
        await self.commit()
        for assignment in leaving:
            assignment.lose()

    async def _close(self, assignments: list[Assignment], limit_seconds: float) -> None:
        for assignment in assignments:
            assignment.closed = True
        deadline = asyncio.get_running_loop().time() + limit_seconds
        while any(assignment.in_progress for assignment in assignments):
            if asyncio.get_running_loop().time() > deadline:
                log.warning("work_left_behind", records=sum(assignment.in_progress for assignment in assignments))
                return
            await asyncio.sleep(0.01)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    def __init__(self, consumer: TrackedConsumer) -> None:
        self._owner = consumer

    async def on_partitions_revoked(self, revoked: Any) -> None:
        await self._owner.revoked(set(revoked))

    async def on_partitions_assigned(self, assigned: Any) -> None:
        await self._owner.assigned(set(assigned))
