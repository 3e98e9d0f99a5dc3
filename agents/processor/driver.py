"""Faust's way to Kafka, read committed: its own driver reads what a producer has aborted, whatever the settings say.

Three things of Faust 0.15.3's driver for aiokafka are replaced, and nothing else:

* The consumer is made here. It sees no record of a transaction that is open or aborted, and gives out `InRecord`s.
* What is taken out of the topic and not acked is bounded by bytes. Faust bounds its buffers by records.
* Commits pass what is no record. Transactions leave markers, and aborted records, behind the last record too; Faust
  knows records only, takes gaps for finished without a look at what is in between, and commits nothing where nothing
  is left to read. Here acks come in the order of each partition (agents/processor/app.py), and an offset is committed
  when all records before it are acked, whatever else lies there.
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import uvloop
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from faust.transport.drivers import aiokafka as faust_driver
from faust.types import TP, ConsumerMessage

from pipeline.kafka.client import connection
from pipeline.kafka.fetching.guard import size_of
from pipeline.settings import KafkaSettings
from schemas.record import InRecord

OUTSTANDING_BYTES: Final = 16_777_216
"""Taken and not acked, beyond which nothing is fetched; one fetch may go beyond it."""

FULL_SECONDS: Final = 1.0  # how long a fetch waits for room before Faust has a look at whether it is to stop
MAX_RECORDS: Final = 500  # of one fetch

Place = TP
"""Faust's topic and partition."""


class Taken(NamedTuple):
    """What one fetch has brought, by partition, and how far it has come: beyond gaps behind the last record, too."""

    records: Mapping[Place, list[InRecord]]
    positions: dict[Place, int]


class Book:
    """How far each partition is done, during one assignment. Records are taken and acked in their order."""

    def __init__(self) -> None:
        self._taken: dict[Place, int] = {}
        self._acked: dict[Place, int] = {}
        self._reach: dict[Place, int] = {}

    def take(self, place: Place, last: int) -> None:
        """Note that records have come, the last one at this offset."""
        self._taken[place] = last
        self._reach[place] = last + 1

    def reach(self, place: Place, position: int) -> None:
        """Note that before `position` there is nothing that has not come."""
        self._reach[place] = max(position, self._reach.get(place, position))

    def ack(self, place: Place, offset: int) -> None:
        """Note that a record is done, and with it all before it."""
        self._acked[place] = max(offset, self._acked.get(place, offset))

    def places(self) -> list[Place]:
        """Return the partitions of which anything is known."""
        return list(self._reach)

    def to_commit(self, place: Place) -> int | None:
        """Return the offset before which everything is done, None when that is not known."""
        acked, taken = self._acked.get(place, -1), self._taken.get(place)
        if taken is None or acked >= taken:
            return self._reach.get(place)
        return acked + 1 if acked >= 0 else None


class CommittedThread(faust_driver.AIOKafkaConsumerThread):
    """The thread in which aiokafka runs."""

    def _create_worker_consumer(self, transport: faust_driver.Transport) -> AIOKafkaConsumer:
        if not isinstance(transport, CommittedTransport):
            raise TypeError(f"{transport!r} knows no settings of ours")
        kafka, conf = transport.kafka, self.app.conf
        self._assignor = RoundRobinPartitionAssignor
        return AIOKafkaConsumer(
            **connection(kafka),
            client_id=conf.id,
            group_id=conf.id,
            group_instance_id=transport.instance_id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_poll_records=MAX_RECORDS,
            max_poll_interval_ms=1_000_000,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(kafka.session_timeout_seconds * 1000),
            heartbeat_interval_ms=3000,
            rebalance_timeout_ms=60_000,
            fetch_max_wait_ms=1500,
        )

    async def take(self, places: set[Place], timeout_seconds: float) -> Taken:
        """Fetch records of `places`."""
        taken: Taken = await self.call_thread(self._take, places, timeout_seconds)
        return taken

    async def _take(self, places: set[Place], timeout_seconds: float) -> Taken:
        consumer = self._ensure_consumer()
        records = await self._fetch_records(consumer, places, timeout=timeout_seconds, max_records=MAX_RECORDS)
        # Without an await in between: what is told of the positions is what is true right after this fetch.
        assignment = consumer._subscription.subscription.assignment  # noqa: SLF001  # no public way that does not wait
        if assignment is None or not self.consumer.flow_active:
            return Taken(records, {})
        states = {it: assignment.state_value(it) for it in places if it in assignment.tps}
        return Taken(records, {it: state.position for it, state in states.items() if state.has_valid_position})

    def highwater(self, tp: Place) -> int:
        """Return where what is committed ends: what an open transaction holds back is no lag."""
        end: int = self._ensure_consumer().last_stable_offset(tp)
        return end


class CommittedConsumer(faust_driver.Consumer):
    """What of the topic is taken, acked and committed; in the thread of the agent."""

    _thread: CommittedThread

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self._book = Book()
        self._outstanding = 0
        self._has_room = asyncio.Event()
        self._has_room.set()
        super().__init__(*arguments, **settings)

    def _new_consumer_thread(self) -> CommittedThread:
        thread = CommittedThread(self, loop=self.loop, beacon=self.beacon, thread_loop=uvloop.new_event_loop())
        thread._close_thread_loop_on_stop = True  # noqa: SLF001  # as it does with one that it has made itself
        return thread

    def _forget(self) -> None:
        """Begin anew: what was taken and not acked comes again, here or elsewhere."""
        self._book = Book()
        self._outstanding = 0
        self._has_room.set()

    async def _getmany(self, active_partitions: set[Place] | None, timeout: float) -> Any:
        book = self._book
        try:
            async with asyncio.timeout(FULL_SECONDS):
                await self._has_room.wait()
        except TimeoutError:
            return {}
        taken = await self._thread.take(active_partitions or set(), timeout)
        for place, records in taken.records.items():
            self._outstanding += sum(map(size_of, records))
            self._book.take(place, records[-1].offset)
        if book is self._book:  # else it is of partitions that were given up meanwhile
            for place, position in taken.positions.items():
                book.reach(place, position)
        if self._outstanding >= OUTSTANDING_BYTES:
            self._has_room.clear()
        return taken.records

    def _to_message(self, tp: Place, record: InRecord) -> ConsumerMessage:
        return ConsumerMessage(
            record.topic, record.partition, record.offset, record.timestamp_ms / 1000, 0, list(record.headers),
            record.key, record.value, None, tp=tp, generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    def ack(self, message: Any) -> bool:
        """Note that a record is done; those of a partition come in order."""
        self._book.ack(message.tp, message.offset)
        self._outstanding = max(0, self._outstanding - size_of(message))
        if self._outstanding < OUTSTANDING_BYTES // 2:
            self._has_room.set()
        return super().ack(message)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[Place]:
        return (it for it in self._book.places() if topics is None or it in topics or it.topic in topics)

    def _new_offset(self, tp: Place) -> int | None:
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self._book.to_commit(tp)

    async def _add_gap(self, tp: Place, offset_from: int, offset_to: int) -> None:
        """Keep no account of gaps: `Book` does without."""

    async def perform_seek(self) -> None:
        """Go back to what is committed."""
        self._forget()
        await super().perform_seek()

    async def on_partitions_revoked(self, revoked: set[Place]) -> None:
        """Give partitions up."""
        await super().on_partitions_revoked(revoked)
        self._forget()

    async def on_partitions_assigned(self, assigned: set[Place], generation_id: int = 0) -> None:
        """Take partitions over."""
        self._forget()
        if isinstance(self.transport, CommittedTransport):
            self.transport.assignments += 1
        await super().on_partitions_assigned(assigned, generation_id)


class CommittedTransport(faust_driver.Transport):
    """Makes the consumer, a static member `instance_id` of the app's group."""

    Consumer = CommittedConsumer

    def __init__(self, app: Any, kafka: KafkaSettings, instance_id: str) -> None:
        super().__init__(app.conf.broker_consumer, app)
        self.kafka = kafka
        self.instance_id = instance_id
        self.assignments = 0
        """How often partitions have been given out, whoever has got them."""
