"""A group member that hands out records and commits the finished prefix.

Records may finish in any order; commits never pass one that has not. Membership is static (`group_instance_id`), so
a killed process that comes back takes its partitions at once instead of after the session time-out.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Self
from zlib import crc32

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from pipeline.errors import Stuck
from pipeline.kafka.client import connection, start, stop
from pipeline.kafka.consuming.commits import Commits
from pipeline.kafka.consuming.handoff import HandOff
from pipeline.kafka.consuming.lag import Lag
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.consuming.pauses import Pauses, WaitSeconds
from pipeline.kafka.consuming.rebalances import Owner, Rebalances, finish_begun
from pipeline.kafka.consuming.watchdog import watch
from pipeline.kafka.consuming.work import Work
from pipeline.measuring.ages import STEP_MS
from pipeline.metrics import REPEATED
from pipeline.settings import AgentSettings, KafkaSettings
from pipeline.slot import Slot
from schemas.headers.causation import causation_of

COMMIT_INTERVAL_SECONDS = 0.5  # what a crash replays at most, beside what was in flight
# Under load a fetch for every few records costs broker and consumer more than the records: let some more gather.
BUSY_RECORDS = 8
BUSY_PAUSE_SECONDS = 0.010
OUTSTANDING = 5000  # records of a partition that have something to write at their commit


def _member(group: str, slot: Slot, topics: tuple[str, ...]) -> str:
    """Return the static member's id: that of the slot, with a mark of the topics when there are several.

    The broker gives a returning static member what it had before, without a look at what it subscribes to now: after
    a change of the retry schedule the new tiers would lie there unread, and the old ones end the process. Under
    another id it is a new member; the old one's share comes to it after the session time-out.
    """
    if len(topics) == 1:
        return slot.member(group)
    return f"{slot.member(group)}-{crc32(' '.join(sorted(topics)).encode()):08x}"


class TrackedConsumer:
    """Consumes `topics` as the static member of `group` that `slot` is.

    Two bounds per partition: `outstanding` is how many records may have something to write at their commit, which is
    in memory until then; `run_ahead` how many may lie between the oldest unfinished one and the newest: so much is read
    again after a crash. What has to wait meanwhile is up to whoever works on the records.

    With `wait_seconds` a record that is not due, and what is behind it in its partition, stays in Kafka until it is:
    waiting costs disk, not memory, and holds up no other partition.

    With `hand_off` what follows from a record (`Assignment.finish`) is written in one transaction with its commit.
    `owner` is told what is ours, and what of it is committed.

    With `wants`, told a record's topic and value, the others are passed over like the markers of transactions: they
    cost being fetched and nothing else. `pause_seconds` is how long a busy consumer lets records gather.
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
        wants: Callable[[str, bytes | None], bool] | None = None,
        pause_seconds: float = BUSY_PAUSE_SECONDS,
    ) -> None:
        self._kafka = kafka
        self._wants = wants
        self._pause_seconds = pause_seconds
        self._agent = agent
        self._group = group
        self._topics = tuple(topics)
        self._is_tier = wait_seconds is not None
        self._hand_off = hand_off
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
        self._lag = Lag(self._consumer, self._pauses)
        self._commits = Commits(
            self._consumer,
            session_timeout_seconds=kafka.session_timeout_seconds,
            hand_off=hand_off,
            owner=owner,
            brake=agent.dead_letter_brake,
        )
        self._rebalances = Rebalances(
            self._consumer, kafka, group, self._commits, self._pauses, self._lag, hand_off, owner
        )

    async def start(self) -> Self:
        """Connect, and begin to join; `joined` tells when the group has answered. Raises `BrokerUnreachable`."""
        await start(self._consumer, self._kafka)
        # Not before: aiokafka's start would wait for the group, which can wait for a member that is gone until its
        # session ends, and that is no unreachable broker.
        self._consumer.subscribe(self._topics, listener=self._rebalances)
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
            self._rebalances.check()
            self._pauses.look(self._commits.assignments)
            fetched = await self._consumer.getmany(timeout_ms=200, max_records=500)
            batch: list[Work] = []
            count = 0
            for place, records in fetched.items():
                count += len(records)
                assignment = self._commits.assignments.get(place)
                if assignment is None or assignment.closed:
                    continue
                ages = self._lag.ages_of(place)
                for record in records:
                    if self._wants is not None and not self._wants(record.topic, record.value):
                        continue
                    if self._is_tier and self._pauses.must_wait(place, record):
                        break
                    if not -STEP_MS < record.timestamp_ms - ages.last_ms < STEP_MS:
                        ages.note(record.offset, record.timestamp_ms)
                    if not assignment.hand_out(record.offset, causation_of(record.headers), record.timestamp_ms):
                        REPEATED.inc()
                        continue
                    batch.append(Work(record, assignment))
            if batch:
                yield batch
            if count >= BUSY_RECORDS:
                await asyncio.sleep(self._pause_seconds)

    async def commit(self) -> None:
        """Commit every partition's finished prefix that has moved. Raises `NotAcknowledged`."""
        await self._commits.commit()

    async def run_commits(self) -> None:
        """Commit regularly until cancelled. Raises `Stuck` when work waits and nothing moves for too long."""
        watching = asyncio.create_task(self._watch())
        try:
            while True:
                await asyncio.sleep(COMMIT_INTERVAL_SECONDS)
                self._rebalances.check()
                if watching.done():
                    watching.result()
                await self.commit()
                await self._lag.note_positions(self._commits.assignments)
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
        """Return how many records of our partitions are not finished, as far as the last fetch tells."""
        return self._lag.records(self._commits.assignments)

    def report(self, agent: str) -> None:
        """Bring the metrics of our partitions up to date, one series for each topic."""
        self._lag.report(self._commits.assignments, agent, self._topics, are_tiers=self._is_tier)

    async def drain(self) -> None:
        """Let begun work finish (at most `drain_timeout_seconds`), begin no other, and commit."""
        await finish_begun(self._commits.assignments.values(), self._agent.drain_timeout_seconds)
        await self.commit()

    async def stop(self) -> None:
        """Disconnect. The static membership stays, so that the next process of this slot goes on at once."""
        await stop(self._consumer)
        if self._hand_off is not None:
            await self._hand_off.stop()

    @property
    def joined(self) -> bool:
        """Whether the group has given this member its partitions (perhaps none) at least once."""
        return self._rebalances.joined

    def partitions_of(self, topic: str) -> int:
        """Return how many partitions a topic has, as far as is known; 0 when nothing is."""
        return len(self._consumer.partitions_for_topic(topic) or ())

    @property
    def assignments(self) -> Mapping[TopicPartition, Assignment]:
        """What is ours now."""
        return self._commits.assignments

    def is_ours(self, partition: int) -> bool:
        """Tell whether a partition, of whichever topic, is ours still."""
        return any(
            place.partition == partition and not assignment.closed for place, assignment in self.assignments.items()
        )
