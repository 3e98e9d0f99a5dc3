"""Together to the broker, and what a caller learns when the broker does not answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest

from agents.ingress.submit import MAX_RECORD_VALUE_BYTES, Submitter
from pipeline.errors import BrokerUnreachable, NotAcknowledged
from pipeline.kafka.producer import javas_partition_of
from schemas.identifiers import uuid7
from schemas.topics import SUBMITTED
from tests.event_loop import settle
from tests.fakes.clock import Clock
from tests.fakes.producer import ProducerInMemory

LIMIT = 10.0


class Running:
    """A submitter that runs, with its producer and clock."""

    def __init__(self) -> None:
        self.producer = ProducerInMemory()
        self.clock = Clock()
        self.submitter = Submitter(self.producer, LIMIT, self.clock)
        self.task = asyncio.create_task(self.submitter.run())

    def submit(self, trunk_id: str, value: bytes) -> asyncio.Task[None]:
        return asyncio.create_task(self.submitter.submit(trunk_id, value))


@asynccontextmanager
async def running() -> AsyncIterator[Running]:
    system = Running()
    await settle()
    try:
        yield system
    finally:
        system.producer.speak()
        system.task.cancel()
        await asyncio.gather(system.task, return_exceptions=True)


def trunks_of_one_partition(count: int) -> list[str]:
    found: dict[int, list[str]] = {}
    while True:
        trunk_id = uuid7()
        same = found.setdefault(javas_partition_of(trunk_id.encode(), 4), [])
        same.append(trunk_id)
        if len(same) == count:
            return same


def trunk_elsewhere(trunk_id: str) -> str:
    while True:
        other = uuid7()
        if javas_partition_of(other.encode(), 4) != javas_partition_of(trunk_id.encode(), 4):
            return other


async def outcome(waiting: Awaitable[None]) -> type[BaseException] | None:
    """How it ended: None, or the class of the error (a `TimeoutError`, had it not ended)."""
    try:
        async with asyncio.timeout(5):
            await waiting
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # the test compares what it was
        return type(error)
    return None


async def test_alone_is_one_object() -> None:
    """Without company a submission is the record's value as it is."""
    trunk_id = uuid7()
    async with running() as system:
        await system.submitter.submit(trunk_id, b'{"a":1}')

        (record,) = system.producer.records
        assert (SUBMITTED, trunk_id.encode(), b'{"a":1}') == (record.topic, record.key, record.value)
        assert javas_partition_of(trunk_id.encode(), 4) == record.partition


async def test_what_arrives_during_a_write_shares_the_next() -> None:
    """Several trunks of a partition: one array in order of arrival, at the place of the first one's key."""
    first, second = trunks_of_one_partition(2)
    async with running() as system:
        system.producer.silence()
        tasks = [system.submit(first, b'{"n":0}')]
        await settle()
        tasks += [system.submit(trunk_id, b'{"n":%d}' % n) for n, trunk_id in enumerate([second, first, second], 1)]
        await settle()
        assert len(system.producer.records) == 1

        system.producer.speak()
        await asyncio.gather(*tasks)

        _, record = system.producer.records
        assert json.loads(record.value or b"") == [{"n": 1}, {"n": 2}, {"n": 3}]
        assert (second.encode(), javas_partition_of(first.encode(), 4)) == (record.key, record.partition)


async def test_records_are_bounded() -> None:
    """At most 1000 submissions and 900 kB to a record, whatever waits."""
    trunk_id = uuid7()
    small, large = b'{"n":1}', b'"' + b"x" * 300_000 + b'"'
    async with running() as system:
        system.producer.silence()
        tasks = [system.submit(trunk_id, small)]
        await settle()
        tasks += [system.submit(trunk_id, small) for _ in range(1500)]
        tasks += [system.submit(trunk_id, large) for _ in range(4)]
        await settle()
        system.producer.speak()
        await asyncio.gather(*tasks)

        sizes = [len(record.value or b"") for record in system.producer.records]
        counts = [len(json.loads(record.value or b"")) for record in system.producer.records[1:]]
        assert max(sizes) <= MAX_RECORD_VALUE_BYTES + 1
        assert counts == [1000, 502, 2]


async def test_one_partition_does_not_wait_for_another() -> None:
    """Lanes are independent: a silent leader holds up only its own trunks."""
    trunk_id = uuid7()
    async with running() as system:
        system.producer.silence(javas_partition_of(trunk_id.encode(), 4))
        stuck = system.submit(trunk_id, b"{}")
        await settle()

        await system.submitter.submit(trunk_elsewhere(trunk_id), b"{}")

        assert not stuck.done()
        system.producer.speak()
        await stuck


async def test_no_acknowledgement_in_time() -> None:
    """Who was on the way is in doubt; who was not yet is withdrawn and never written."""
    trunk_id = uuid7()
    async with running() as system:
        system.producer.silence()
        on_the_way = system.submit(trunk_id, b'"on the way"')
        await settle()
        waiting = system.submit(trunk_id, b'"waiting"')
        await settle()

        system.clock.now += LIMIT - 0.1
        system.submitter.sweep()
        await settle()
        assert (on_the_way.done(), waiting.done()) == (False, False)
        system.clock.now += 0.2
        system.submitter.sweep()

        assert (NotAcknowledged, NotAcknowledged) == (await outcome(on_the_way), await outcome(waiting))
        system.producer.speak()
        await settle()
        await system.submitter.submit(trunk_id, b'"after"')
        assert [record.value for record in system.producer.records] == [b'"on the way"', b'"after"']


async def test_silent_broker_takes_nothing_more() -> None:
    """While a record waits too long, others are refused at once, so that what waits stays bounded; then all is well."""
    trunk_id = uuid7()
    async with running() as system:
        assert system.submitter.broker_answers
        system.producer.silence()
        first = system.submit(trunk_id, b"{}")
        await settle()
        system.clock.now += LIMIT + 0.1
        system.submitter.sweep()
        assert await outcome(first) is NotAcknowledged

        assert not system.submitter.broker_answers
        outcomes = [await outcome(system.submitter.submit(trunk_id, b"{}")) for _ in range(1000)]
        assert [BrokerUnreachable] * 1000 == outcomes
        assert sum(len(lane.commit._waiting) + len(lane.waiting) for lane in system.submitter._lanes.values()) == 0

        system.producer.speak()
        await settle()
        assert system.submitter.broker_answers
        await system.submitter.submit(trunk_id, b"{}")


async def test_another_lane_that_is_acknowledged_keeps_the_door_ready() -> None:
    """One silent partition is no reason to turn all traffic away."""
    trunk_id = uuid7()
    other = trunk_elsewhere(trunk_id)
    async with running() as system:
        system.producer.silence(javas_partition_of(trunk_id.encode(), 4))
        stuck = system.submit(trunk_id, b"{}")
        await settle()
        system.clock.now += LIMIT + 0.1
        assert not system.submitter.broker_answers

        await system.submitter.submit(other, b"{}")

        assert system.submitter.broker_answers
        system.producer.speak()
        await stuck


async def test_failed_write_ends_the_submitter_and_every_caller() -> None:
    """A producer that has failed once must not be used again: the process is to start over."""
    first, second = trunks_of_one_partition(2)
    async with running() as system:
        system.producer.silence()
        tasks = [system.submit(trunk_elsewhere(first), b'"another lane"')]
        await settle()
        system.producer.error = RuntimeError("sequence number out of order")
        tasks += [system.submit(first, b'"failing"'), system.submit(second, b'"with it"')]

        assert [NotAcknowledged] * 3 == [await outcome(task) for task in tasks]
        with pytest.raises(ExceptionGroup) as raised:
            await system.task
        assert [str(error) for error in raised.value.exceptions] == ["sequence number out of order"]
        assert not system.submitter.broker_answers
        assert await outcome(system.submitter.submit(first, b"{}")) is BrokerUnreachable
        assert await outcome(system.submitter.submit(uuid7(), b"{}")) is BrokerUnreachable


async def test_caller_that_goes_away_is_withdrawn() -> None:
    """A cancelled caller is cancelled, not told that the broker was late, and its submission is not written."""
    trunk_id = uuid7()
    async with running() as system:
        system.producer.silence()
        first = system.submit(trunk_id, b'"first"')
        await settle()
        gone = system.submit(trunk_id, b'"gone"')
        await settle()
        gone.cancel()
        assert await outcome(gone) is asyncio.CancelledError
        system.producer.speak()
        await first
        await system.submitter.submit(trunk_id, b'"last"')
        assert [record.value for record in system.producer.records] == [b'"first"', b'"last"']
