"""The delivery journal on its topic: how far it goes, and what is read back when partitions are assigned.

How much is read back does not depend on how long the system has run: with each commit the group keeps the place in
the journal that every uncommitted piece of work comes after (pipeline/kafka/consuming/partition/commit_metadata.py).
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, Self

import structlog
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from pydantic import ValidationError

from pipeline.carriers.journal import JournalState
from pipeline.kafka.consuming.partition.commit_metadata import CommitMetadata
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings
from schemas.messages.status import MessageStatus
from schemas.record import Coordinates
from schemas.state.journal import JournalEntry
from schemas.topics import JOURNAL, STATUS

CLOCK_SKEW: Final = timedelta(seconds=10)  # between two machines that deliver

log = structlog.get_logger(__name__)


class Journal:
    """What uncommitted work has left in the journal, and how far the journal goes."""

    def __init__(self, kafka: KafkaSettings, *, client_id: str) -> None:
        self._kafka = kafka
        self._ends: dict[int, int] = {}
        self._reading = asyncio.Lock()
        self.state = JournalState()
        self._follower = TopicFollower(kafka, JOURNAL, client_id=client_id, fetch_max_wait_ms=50)

    async def start(self) -> Self:
        """Connect. Raises `BrokerUnreachable`."""
        await self._follower.start()
        return self

    async def stop(self) -> None:
        """Disconnect."""
        await self._follower.stop()

    def written(self, ends: Mapping[TopicPartition, int]) -> None:
        """Note the ends of the topics that something was written to, as `RecordProducer.write` returns them."""
        for (topic, partition), end in ends.items():
            if topic == JOURNAL:
                self._ends[partition] = max(end, self._ends.get(partition, 0))

    def end(self, partition: int) -> int:
        """Return where the journal of a partition ends, as far as is known here; later entries come after it."""
        return self._ends.get(partition, 0)

    async def recover(
        self,
        committed: Mapping[TopicPartition, OffsetAndMetadata],
        is_parked: Callable[[Coordinates], bool] = lambda _: False,
    ) -> Mapping[TopicPartition, int]:
        """Read what uncommitted work of newly assigned partitions has left behind, and work that is parked.

        Returns the highest offset of such work in each partition that has any.
        """
        async with self._reading:
            for place in committed:
                self.state.forget(place.topic, place.partition)
            self.state.forget_where(is_parked)
            for partition in sorted({place.partition for place in committed}):
                ours = {place: known for place, known in committed.items() if place.partition == partition}
                await self._read(
                    partition,
                    min(CommitMetadata.parse(known).low_water for known in ours.values()),
                    {place.topic: known.offset for place, known in ours.items()},
                    is_parked,
                )
            await self._learn_what_was_reported()
            return {
                place: highest
                for place in committed
                if (highest := self.state.highest(place.topic, place.partition)) is not None
            }

    async def _learn_what_was_reported(self) -> None:
        """Look for the statuses of uncommitted work: written, and their commit lost."""
        since = self.state.begun_since
        if since is None:
            return
        # The broker finds records by their producer's time, which was taken after the status was made.
        async for record in read_topic(self._kafka, STATUS, client_id="delivery-statuses", since=since - CLOCK_SKEW):
            # Most of a busy topic is about other messages: only those that may be meant are read.
            if record.key is not None and self.state.waits_for(record.key.decode(errors="replace")):
                try:
                    self.state.learn(MessageStatus.from_bytes(record.value or b""))
                except ValidationError:
                    continue  # not ours: whoever works on the topic makes a dead letter of it

    async def _read(
        self, partition: int, low: int, committed: Mapping[str, int], is_parked: Callable[[Coordinates], bool]
    ) -> None:
        self._follower.turn_to([partition])
        ((place, begin),) = (await self._follower.begins()).items()
        end = (await self._follower.ends())[place]
        self._follower.begin_at({place: max(low, begin)})
        entries = 0
        async for records in self._follower.read_to({place: end}, limit_seconds=self._kafka.connect_timeout_seconds):
            for record in records:
                entries += 1
                try:
                    self.state.apply(JournalEntry.from_bytes(record.value or b""), partition, committed, is_parked)
                except ValidationError as error:
                    log.error("journal_entry_unreadable", partition=partition, offset=record.offset, error=str(error))
        self._ends[partition] = max(end, self._ends.get(partition, 0))
        log.info("journal_read", partition=partition, entries=entries, uncommitted_work=len(self.state))
