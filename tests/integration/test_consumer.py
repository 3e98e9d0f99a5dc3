"""The tracked consumer against a real broker: what is committed, who works on what, and what a crash replays."""

import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from pipeline.errors import Stuck
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.work import Work
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import AgentSettings, KafkaSettings
from pipeline.slot import Slot
from schemas.identifiers import uuid7
from schemas.record import OutRecord

pytestmark = pytest.mark.kafka

LIMIT_SECONDS = 40  # a machine that runs other tests too


@dataclass
class Bench:
    """A topic and a group of its own, and what a test does with them."""

    kafka: KafkaSettings
    admin: AIOKafkaAdminClient
    name: str = field(default_factory=lambda: f"test.consumer-{uuid7()}")

    async def create(self, records: int, partitions: int = 1) -> None:
        """Fill the topic with `records` per partition, whose values are their offsets."""
        await self.admin.create_topics([NewTopic(self.name, partitions, 1)])
        producer = await RecordProducer(self.kafka, client_id="test-consumer").start()
        await producer.write(
            OutRecord(self.name, None, b"%d" % n, partition=partition)
            for partition in range(partitions)
            for n in range(records)
        )
        await producer.stop()

    def consumer(self, slot: int = 0, run_ahead: int = 10_000, **agent: float) -> TrackedConsumer:
        settings = AgentSettings.model_validate({"drain_timeout_seconds": 5, **agent})
        return TrackedConsumer(
            self.kafka, settings, slot=Slot(slot, f"{slot:032x}"), group=self.name, topics=[self.name],
            run_ahead=run_ahead,
        )  # fmt: skip

    async def committed(self, partition: int = 0) -> int | None:
        offsets = await self.admin.list_consumer_group_offsets(self.name)
        found = offsets.get(TopicPartition(self.name, partition))
        return None if found is None else found.offset


@pytest_asyncio.fixture
async def bench(kafka: str) -> AsyncIterator[Bench]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    yield Bench(KafkaSettings(bootstrap_servers=kafka), admin)
    await admin.close()


async def take(consumer: TrackedConsumer, count: int) -> list[Work]:
    """Return the next `count` records, none of them begun."""
    found: list[Work] = []
    async with asyncio.timeout(LIMIT_SECONDS):
        async for batch in consumer.batches(asyncio.Event()):
            found += batch
            if len(found) >= count:
                break
    return found


async def test_a_commit_covers_the_finished_prefix_only(bench: Bench) -> None:
    """The position waits for the oldest record; the next process gets exactly those that were not finished."""
    await bench.create(10)
    consumer = await bench.consumer().start()
    work = await take(consumer, 10)
    assert all(it.begin() for it in work)
    seen = []
    for offset in (1, 2, 5, 0, 4, 9):
        work[offset].finish()
        await consumer.commit()
        seen.append(await bench.committed())
    await consumer.stop()
    assert seen == [0, 0, 0, 3, 3, 3]
    again = await bench.consumer().start()
    assert [it.record.offset for it in await take(again, 4)] == [3, 6, 7, 8]
    await again.stop()


KILLED = """
import asyncio, sys
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.settings import AgentSettings, KafkaSettings
from pipeline.slot import Slot

async def main(servers, name):
    kafka = KafkaSettings(bootstrap_servers=servers)
    slot = Slot(0, "0" * 32)
    consumer = TrackedConsumer(kafka, AgentSettings(), slot=slot, group=name, topics=[name], run_ahead=1000)
    await consumer.start()
    async for batch in consumer.batches(asyncio.Event()):
        for work in batch[:4]:
            work.begin()
            work.finish()
        await consumer.commit()
        print("committed", flush=True)
        await asyncio.sleep(3600)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_killed_process_goes_on_at_once_where_it_had_committed(bench: Bench) -> None:
    """The same slot takes its partitions back without waiting for the session to time out (30 s)."""
    await bench.create(10)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, bench.kafka.bootstrap_servers, bench.name, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(LIMIT_SECONDS):
            assert await process.stdout.readline() == b"committed\n"
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    began = time.monotonic()
    consumer = await bench.consumer().start()
    offsets = [it.record.offset for it in await take(consumer, 6)]
    took = time.monotonic() - began
    await consumer.stop()
    assert offsets == [4, 5, 6, 7, 8, 9]
    assert took < bench.kafka.session_timeout_seconds / 2


async def test_run_ahead_bounds_what_is_taken(bench: Bench) -> None:
    """With its oldest record unfinished a partition is paused; when that is finished, everything comes."""
    await bench.create(5000)
    one_fetch = 500
    consumer = await bench.consumer(run_ahead=100).start()
    work = await take(consumer, 100)
    assert all(it.begin() for it in work)
    for it in work[1:]:
        it.finish()
    stopping = asyncio.Event()
    taken: list[Work] = []

    async def poll() -> None:
        async for batch in consumer.batches(stopping):
            taken.extend(batch)

    polling = asyncio.create_task(poll())
    await asyncio.sleep(1.5)  # several polls, in any of which the broker could give more
    assert len(work) + len(taken) < 100 + one_fetch
    work[0].finish()
    async with asyncio.timeout(LIMIT_SECONDS):
        while len(work) + len(taken) < 5000:
            for it in taken:
                if it.record.offset >= (it.assignment.position or 0) and it.begin():
                    it.finish()
            await asyncio.sleep(0.01)
    stopping.set()
    await polling
    await consumer.stop()
    assert [it.record.offset for it in work + taken] == list(range(5000))


class Member:
    """A consumer with a worker that takes a while for each record and notes what it has done."""

    def __init__(self, consumer: TrackedConsumer, done: Counter[tuple[int, int]]) -> None:
        self.consumer = consumer
        self.stopping = asyncio.Event()
        self.own = 0
        self._done = done
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        await self.consumer.start()
        commits = asyncio.create_task(self.consumer.run_commits())
        gate = asyncio.Semaphore(8)
        async for batch in self.consumer.batches(self.stopping):
            for work in batch:
                await gate.acquire()
                task = asyncio.create_task(self._work(work, gate))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        await self.consumer.drain()
        commits.cancel()
        await asyncio.wait([commits])
        await self.consumer.stop()

    async def _work(self, work: Work, gate: asyncio.Semaphore) -> None:
        try:
            if work.begin():
                await asyncio.sleep(0.01 * (1 + work.record.offset % 5))
                self._done[work.record.partition, work.record.offset] += 1
                self.own += 1
                work.finish()
        finally:
            gate.release()


async def test_a_second_member_takes_over_partitions_and_no_record_is_lost_or_repeated(bench: Bench) -> None:
    """Work in progress finishes and is committed before its partition goes; what was not begun goes along."""
    await bench.create(500, partitions=4)
    done: Counter[tuple[int, int]] = Counter()
    first, second = (Member(bench.consumer(slot), done) for slot in (0, 1))
    async with asyncio.timeout(LIMIT_SECONDS), asyncio.TaskGroup() as members:
        members.create_task(first.run())
        while len(done) < 200:
            await asyncio.sleep(0.01)
        members.create_task(second.run())
        while len(done) < 2000:
            await asyncio.sleep(0.01)
        first.stopping.set()
        second.stopping.set()
    assert set(done.values()) == {1}
    assert second.own > 0
    assert [await bench.committed(partition) for partition in range(4)] == [500] * 4


async def test_a_member_starts_although_another_one_is_gone_and_has_not_left(bench: Bench) -> None:
    """The group waits for the absent one's session to end; the start does not, and takes it for no broken broker."""
    await bench.create(10)
    gone = await bench.consumer(0).start()
    await take(gone, 10)
    await gone.stop()
    began = time.monotonic()
    consumer = await bench.consumer(1).start()
    took = time.monotonic() - began
    assert (consumer.joined, took < 10) == (False, True)
    back = await bench.consumer(0).start()
    assert [it.record.offset for it in await take(back, 10)] == list(range(10))
    await asyncio.gather(consumer.stop(), back.stop())


async def test_work_that_waits_while_nothing_is_finished_is_stuck(bench: Bench) -> None:
    """The watchdog ends the agent with the topic's name; an empty topic is not stuck."""
    await bench.create(3)
    consumer = await bench.consumer(watchdog_seconds=1).start()
    (work, *_) = await take(consumer, 3)
    work.begin()
    async with asyncio.timeout(LIMIT_SECONDS):
        with pytest.raises(Stuck, match=bench.name):
            await consumer.run_commits()
    await consumer.stop()


async def test_a_consumer_whose_fetches_hang_is_stuck_by_what_the_broker_says(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees no lag itself: everything that it was given is finished, and nothing comes any more."""
    await bench.create(3)
    consumer = await bench.consumer(watchdog_seconds=2).start()
    await take_all(consumer, 3)
    await consumer.commit()

    async def nothing(**_: object) -> dict[TopicPartition, list[object]]:
        await asyncio.sleep(0.1)
        return {}

    monkeypatch.setattr(consumer._consumer, "getmany", nothing)
    monkeypatch.setattr(consumer._consumer, "highwater", lambda _place: 3)
    producer = await RecordProducer(bench.kafka, client_id="test-consumer").start()
    await producer.write([OutRecord(bench.name, None, b"", partition=0)])
    await producer.stop()
    async with asyncio.timeout(LIMIT_SECONDS):
        with pytest.raises(Stuck, match=rf"1 records wait .*{bench.name}-0 at 3"):
            await consumer.run_commits()
    await consumer.stop()


async def take_all(consumer: TrackedConsumer, count: int) -> None:
    """Take and finish `count` records."""
    for work in await take(consumer, count):
        work.begin()
        work.finish()


async def test_a_member_with_nothing_to_do_is_not_stuck(bench: Bench) -> None:
    """Everything finished and committed: the watchdog waits for work as long as it takes."""
    await bench.create(3)
    consumer = await bench.consumer(watchdog_seconds=0.1).start()
    await take_all(consumer, 3)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await consumer.run_commits()
    assert await bench.committed() == 3
    await consumer.stop()


async def test_a_transactions_marker_is_no_work_that_waits(bench: Bench) -> None:
    """Retry tiers end with a marker that nobody hands out: an idle tier is neither late nor stuck."""
    await bench.create(0)
    producer = AIOKafkaProducer(bootstrap_servers=bench.kafka.bootstrap_servers, transactional_id=bench.name)
    await producer.start()
    async with producer.transaction():
        for _ in range(3):
            await producer.send(bench.name, b"{}")
    await producer.stop()
    consumer = await bench.consumer(watchdog_seconds=1.5).start()
    stopping, finished = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        async for batch in consumer.batches(stopping):
            for it in batch:
                assert it.begin()
                it.finish()
                if it.record.offset == 2:
                    finished.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work())
        commits = tasks.create_task(consumer.run_commits())
        async with asyncio.timeout(LIMIT_SECONDS):
            await finished.wait()
        await asyncio.sleep(4.5)  # longer than both watchdogs wait
        assert (consumer.lag(), commits.done()) == (0, False)
        stopping.set()
        commits.cancel()
    await consumer.stop()


async def test_a_drain_waits_for_begun_work_and_begins_no_other(bench: Bench) -> None:
    """What was begun is finished and committed, the rest is left for the next process, which gets exactly that."""
    await bench.create(6)
    consumer = await bench.consumer().start()
    work = await take(consumer, 6)
    assert all(it.begin() for it in work[:3])
    drained = asyncio.create_task(consumer.drain())
    await asyncio.sleep(0.1)
    assert (drained.done(), work[3].begin()) == (False, False)
    for it in work[:3]:
        it.finish()
    await drained
    assert await bench.committed() == 3
    await consumer.stop()
    again = await bench.consumer().start()
    assert [it.record.offset for it in await take(again, 3)] == [3, 4, 5]
    await again.stop()


async def test_a_drain_gives_up_on_work_that_does_not_end(bench: Bench) -> None:
    """After the drain time-out the process may end: the record is replayed."""
    await bench.create(2)
    consumer = await bench.consumer(drain_timeout_seconds=0.3).start()
    work = await take(consumer, 2)
    work[0].begin()
    async with asyncio.timeout(LIMIT_SECONDS):
        await consumer.drain()
    assert await bench.committed() == 0
    await consumer.stop()
