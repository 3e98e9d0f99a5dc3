"""Records that are not due stay in Kafka: the tracked consumer over a broker that is a list."""

import asyncio
from collections.abc import Callable
from typing import Any, Self

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata
from prometheus_client import REGISTRY

from pipeline.errors import BrokerUnreachable
from pipeline.kafka.consuming import commits, consumer, lag, rebalances
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.work import Work
from pipeline.settings import AgentSettings, KafkaSettings
from pipeline.slot import Slot
from schemas.record import InRecord, OutRecord

TIER, OTHER = TopicPartition("tier", 0), TopicPartition("other", 0)


class Consumer:
    """Stands for aiokafka: positions, pauses, and records whose value is when they are due."""

    def __init__(self, records: dict[TopicPartition, list[float]]) -> None:
        self.records = records
        self.position = dict.fromkeys(records, 0)
        self.paused: set[TopicPartition] = set()
        self.fetched: list[tuple[str, int]] = []
        self.committed: dict[TopicPartition, int] = {}

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Any]]:
        await asyncio.sleep(0)
        fetched = {}
        for place, due in self.records.items():
            if place in self.paused or self.position[place] >= len(due):
                continue
            fetched[place] = [
                InRecord(place.topic, 0, offset, 0, None, str(due[offset]).encode(), ())
                for offset in range(self.position[place], len(due))
            ]
            self.fetched += [(place.topic, record.offset) for record in fetched[place]]
            self.position[place] = len(due)
        return fetched

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.position[place] = offset

    def pause(self, *places: TopicPartition) -> None:
        self.paused.update(places)

    def resume(self, *places: TopicPartition) -> None:
        self.paused.difference_update(places)

    async def beginning_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    def highwater(self, place: TopicPartition) -> int:
        return len(self.records[place])

    async def commit(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        self.committed |= {place: it.offset for place, it in offsets.items()}


async def nothing_committed(
    _kafka: KafkaSettings, _group: str, places: set[TopicPartition]
) -> dict[TopicPartition, None]:
    return dict.fromkeys(places)


class Bench:
    """A consumer with wall clock and loop clock in hand."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        records: dict[TopicPartition, list[float]],
        *,
        run_ahead: int = 10,
        outstanding: int = 2000,
        wants: Callable[[str, bytes | None], bool] | None = None,
    ) -> None:
        self.monkeypatch = monkeypatch
        self.wall = self.clock = 0.0
        self.kafka = Consumer(records)
        self.asked: list[float] = []

        def wait_seconds(_topic: str, value: bytes | None) -> float:
            self.asked.append(float(value or b"0"))
            return min(max(float(value or b"0") - self.wall, 0.0), 100.0)

        monkeypatch.setattr(consumer, "AIOKafkaConsumer", lambda **_: self.kafka)
        self.consumer = TrackedConsumer(
            KafkaSettings(), AgentSettings(), slot=Slot.take(None, "g"), group="g", topics=["tier"],
            run_ahead=run_ahead, outstanding=outstanding, wait_seconds=wait_seconds, wants=wants,
        )  # fmt: skip
        self.rebalances = self.consumer._rebalances
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.clock)
        monkeypatch.setattr(rebalances, "committed_by", nothing_committed)
        monkeypatch.setattr(consumer, "BUSY_RECORDS", 1_000_000)  # the loop's clock stands still here

    @classmethod
    async def assigned(
        cls, monkeypatch: pytest.MonkeyPatch, records: dict[TopicPartition, list[float]], **bounds: Any
    ) -> Self:
        """Return one whose consumer has been given its partitions."""
        bench = cls(monkeypatch, records, **bounds)
        await bench.rebalances.on_partitions_assigned(set(records))
        return bench

    def pass_time(self, seconds: float, wall: float | None = None) -> None:
        self.clock += seconds
        self.wall += seconds if wall is None else wall

    async def poll(self) -> list[tuple[str, int]]:
        """Fetch three times, finish what is handed out, and say what it was."""
        stopping = asyncio.Event()
        getmany, polls = self.kafka.getmany, 0

        async def counted(*, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Any]]:
            nonlocal polls
            polls += 1
            if polls == 3:
                stopping.set()
            return await getmany(timeout_ms=timeout_ms, max_records=max_records)

        self.monkeypatch.setattr(self.kafka, "getmany", counted)
        found: list[tuple[str, int]] = []
        async for batch in self.consumer.batches(stopping):
            for work in batch:
                assert work.begin()
                work.finish()
                found.append((work.record.topic, work.record.offset))
        self.monkeypatch.setattr(self.kafka, "getmany", getmany)
        return found


async def test_a_record_is_handed_out_when_it_is_due_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its partition is paused at it meanwhile, and the records behind it come when it does or later."""
    bench = await Bench.assigned(monkeypatch, {TIER: [5.0, 5.5, 9.0]})
    assert await bench.poll() == []
    assert (bench.kafka.paused, bench.kafka.position[TIER]) == ({TIER}, 0)
    bench.pass_time(4.9)
    assert await bench.poll() == []
    bench.pass_time(0.1)
    assert await bench.poll() == [("tier", 0)]
    bench.pass_time(0.5)
    assert await bench.poll() == [("tier", 1)]
    bench.pass_time(4.0)
    assert await bench.poll() == [("tier", 2)]
    assert bench.kafka.paused == set()


async def test_a_waiting_partition_is_not_fetched_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others flow; the one that waits is left alone until its time."""
    bench = await Bench.assigned(monkeypatch, {TIER: [50.0], OTHER: [0.0]})
    assert await bench.poll() == [("other", 0)]
    bench.kafka.records[OTHER].append(0.0)
    assert await bench.poll() == [("other", 1)]
    assert bench.kafka.fetched.count(("tier", 0)) == 1


async def test_a_wall_clock_that_is_set_back_does_not_stop_a_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait is decided once and then counted on the loop's clock."""
    bench = await Bench.assigned(monkeypatch, {TIER: [5.0]})
    assert await bench.poll() == []
    bench.pass_time(5.0, wall=-3600.0)
    assert await bench.poll() == [("tier", 0)]
    assert bench.asked == [5.0]


async def test_waiting_is_not_being_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that are not due are no lag; once due they are, until they are finished."""
    bench = await Bench.assigned(monkeypatch, {TIER: [0.0, 60.0, 60.0]})
    assert await bench.poll() == [("tier", 0)]
    assert bench.consumer.lag() == 0
    bench.pass_time(60.0)
    assert bench.consumer.lag() == 2
    assert await bench.poll() == [("tier", 1), ("tier", 2)]
    assert bench.consumer.lag() == 0


def told(name: str, topic: str) -> float | None:
    return REGISTRY.get_sample_value(f"smsout_{name}", {"agent": "test", "topic": topic})


async def test_a_tier_tells_what_is_pending_and_until_when(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is late with it before it is due."""
    bench = await Bench.assigned(monkeypatch, {TIER: [0.0, 60.0, 70.0]})
    await bench.poll()
    bench.pass_time(15.0)
    bench.consumer.report("test")
    assert told("retry_pending_records", "tier") == 2
    assert told("retry_next_due_seconds", "tier") == 45.0
    assert told("topic_unfinished_records", "tier") == 0
    bench.pass_time(60.0)
    bench.consumer.report("test")
    assert (told("retry_next_due_seconds", "tier"), told("topic_unfinished_records", "tier")) == (0.0, 2)


async def test_the_oldest_record_at_work_has_an_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """From when it was written, until it is finished."""
    bench = await Bench.assigned(monkeypatch, {TIER: [0.0, 0.0]})
    monkeypatch.setattr(lag, "time", lambda: 7.5)
    stopping = asyncio.Event()
    async for batch in bench.consumer.batches(stopping):
        stopping.set()
        bench.consumer.report("test")
        assert told("topic_oldest_unfinished_seconds", "tier") == 7.5
        for work in batch:
            assert work.begin()
            work.finish()
    bench.consumer.report("test")
    assert told("topic_oldest_unfinished_seconds", "tier") == 0.0


async def test_only_what_is_finished_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit stands at the record that waits, so that a crash finds it again."""
    bench = await Bench.assigned(monkeypatch, {TIER: [0.0, 60.0]})
    await bench.poll()
    await bench.consumer.commit()
    assert bench.kafka.committed == {TIER: 1}


async def test_what_nobody_wants_is_neither_handed_out_nor_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs its fetch; a commit passes it together with what is finished behind it."""
    bench = await Bench.assigned(
        monkeypatch, {TIER: [1.5, 0.0, 1.5, 60.0]}, wants=lambda topic, value: (topic, value) != ("tier", b"1.5")
    )
    assert await bench.poll() == [("tier", 1)]
    await bench.consumer.commit()
    assert bench.kafka.committed == {TIER: 2}
    assert bench.consumer.assignments[TIER].unfinished == 0


async def test_a_rebalance_finds_out_anew_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka starts a new assignment without pauses; a remembered one would never be lifted."""
    bench = await Bench.assigned(monkeypatch, {TIER: [5.0]})
    await bench.poll()
    bench.kafka.paused.clear()
    await bench.rebalances.on_partitions_assigned({TIER})
    assert await bench.poll() == []
    assert bench.kafka.paused == {TIER}
    bench.pass_time(5.0)
    assert await bench.poll() == [("tier", 0)]


async def test_a_partition_that_is_too_far_ahead_is_paused_until_it_has_caught_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At `run_ahead` unfinished records the rest stays in Kafka."""
    bench = await Bench.assigned(monkeypatch, {TIER: [0.0] * 12})
    batches = bench.consumer.batches(asyncio.Event())
    batch = await anext(batches)
    assert len(batch) == 12

    async def following() -> list[Work]:
        return await anext(batches)

    pending = asyncio.create_task(following())
    for _ in range(5):
        await asyncio.sleep(0)
    assert bench.kafka.paused == {TIER}
    bench.kafka.records[TIER].append(0.0)
    for work in batch[:8]:
        work.begin()
        work.finish()
    assert [work.record.offset for work in await pending] == [12]
    assert bench.kafka.paused == set()


FOLLOWING = (OutRecord("next", None, b""),)


@pytest.mark.parametrize("following", [(), FOLLOWING], ids=["nothing to write", "something to write"])
async def test_one_record_that_hangs_holds_up_nobody_while_the_others_finish(
    monkeypatch: pytest.MonkeyPatch, following: tuple[OutRecord, ...]
) -> None:
    """What is finished behind it counts for nothing, unless something is to be written that still takes memory."""
    bench = await Bench.assigned(monkeypatch, {TIER: [0.0] * 4}, run_ahead=100, outstanding=4)
    batches = bench.consumer.batches(asyncio.Event())
    taken: list[int] = []

    async def take() -> None:
        async for batch in batches:
            for work in batch:
                taken.append(work.record.offset)
                work.begin()
                if work.record.offset:
                    work.finish(following)
            bench.kafka.records[TIER].append(0.0)

    taking = asyncio.create_task(take())
    for _ in range(50):
        await asyncio.sleep(0)
    taking.cancel()
    await asyncio.wait([taking])
    assert taken == list(range(5 if following else len(taken)))
    assert (len(taken) > 10, bench.kafka.paused) == ((False, {TIER}) if following else (True, set()))


# Rebalances: aiokafka logs what a listener raises, and goes on.


@pytest.mark.parametrize("runs", ["batches", "run_commits"])
async def test_partitions_that_cannot_be_taken_over_end_the_agent(monkeypatch: pytest.MonkeyPatch, runs: str) -> None:
    """They would rest for ever, and nobody would know."""
    bench = Bench(monkeypatch, {TIER: [0.0]})

    async def silent(*_: Any) -> Any:
        raise BrokerUnreachable("the coordinator does not answer")

    monkeypatch.setattr(rebalances, "committed_by", silent)
    monkeypatch.setattr(consumer, "COMMIT_INTERVAL_SECONDS", 0)
    with pytest.raises(BrokerUnreachable):
        await bench.rebalances.on_partitions_assigned({TIER})
    assert not bench.consumer.joined
    working = bench.consumer.batches(asyncio.Event()).__anext__() if runs == "batches" else bench.consumer.run_commits()
    with pytest.raises(BrokerUnreachable):
        await working


async def test_work_that_hangs_is_lost_when_its_partition_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may finish for a while; then whoever has the partition goes on with it, and nothing of ours may follow."""
    bench = await Bench.assigned(monkeypatch, {TIER: [0.0, 0.0]})
    batch = await anext(bench.consumer.batches(asyncio.Event()))
    assert all(work.begin() for work in batch)

    async def time_passes(seconds: float) -> None:
        bench.clock += max(seconds, 0.01)
        if bench.clock > 5.0 and not batch[0].assignment.position:
            assert not batch[0].lost
            batch[0].finish()

    monkeypatch.setattr(asyncio, "sleep", time_passes)
    await bench.rebalances.on_partitions_revoked({TIER})
    assert bench.clock == pytest.approx(rebalances.REVOKE_TIMEOUT_SECONDS, abs=0.02)
    assert bench.kafka.committed == {TIER: 1}
    assert (batch[1].lost, await bench.consumer.still_ours(batch[1])) == (True, False)


async def test_trust_counts_from_what_proved_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making ready may take longer than a membership lasts without a word: what it proved is old by then."""
    bench = Bench(monkeypatch, {TIER: [0.0]})
    monotonic = [1000.0]
    for module in (rebalances, commits):
        monkeypatch.setattr(module, "monotonic", lambda: monotonic[0])
    await bench.rebalances.on_partitions_revoked(set())

    async def slow(kafka: KafkaSettings, group: str, places: set[TopicPartition]) -> dict[TopicPartition, None]:
        monotonic[0] += KafkaSettings().session_timeout_seconds
        return await nothing_committed(kafka, group, places)

    async def refused(_: object) -> None:
        raise CommitFailedError("another member has it")

    monkeypatch.setattr(rebalances, "committed_by", slow)
    monkeypatch.setattr(bench.kafka, "commit", refused)
    await bench.rebalances.on_partitions_assigned({TIER})
    assert bench.consumer.assignments[TIER].lost
