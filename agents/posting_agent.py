"""What delivery and callback have in common as processes: two consumers, and what they post to peers.

The first consumer reads the main topic, the second one the retry tiers. What has to wait for its peer waits in the
intake, and when it waits long in the parking topic.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from aiokafka import TopicPartition

from agents.runtime import Agent
from agents.workers import Workers
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.parking import Parking
from pipeline.kafka.consuming.work import Work
from pipeline.posting.dispatcher import Dispatcher
from pipeline.posting.intake import TICK_SECONDS, Entry, Intake
from pipeline.posting.row import Row, Stored

P = TypeVar("P")

REPORT_SECONDS: Final = 1.0  # how far the metrics may be behind

FindWork = Callable[[Row], tuple[TrackedConsumer, Work] | None]
"""Returns the work that a row stands for, with its consumer; None when its partition is not ours any more."""


@dataclass
class PostingAgent(Generic[P]):
    """The parts of one agent.

    `take` works on records that have come; `also` are what else runs until the end; `report` brings the metrics up to
    date.
    """

    workers: Workers
    dispatcher: Dispatcher[Entry[P]]
    intake: Intake[P]
    parking: Parking
    first: TrackedConsumer
    later: TrackedConsumer
    take: Callable[[TrackedConsumer, Sequence[Work]], Awaitable[None]]
    report: Callable[[], None]
    also: Sequence[Callable[[], Coroutine[Any, Any, None]]]

    async def serve(self, agent: Agent) -> None:
        """Run until told to stop, then drain."""
        agent.ready = lambda: self.first.joined and self.later.joined
        async with asyncio.TaskGroup() as background:
            self.workers.group = background
            await self.first.start()
            await self.later.start()
            running = [
                background.create_task(it)
                for it in (
                    self.first.run_commits(), self.later.run_commits(), self.intake.run(), self.parking.run(),
                    self.parking.follow(), self._tick(), self._report(), *(also() for also in self.also),
                )
            ]  # fmt: skip
            async with asyncio.TaskGroup() as reading:
                reading.create_task(self._read(self.first, agent.stopping))
                reading.create_task(self._read(self.later, agent.stopping))
            self.dispatcher.cancel()
            for task in running:
                task.cancel()
        await asyncio.gather(self.first.stop(), self.later.stop())

    async def _read(self, consumer: TrackedConsumer, stopping: asyncio.Event) -> None:
        async for batch in consumer.batches(stopping):
            await self.take(consumer, batch)
        self.dispatcher.close()
        await consumer.drain()

    async def _tick(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self.intake.tick()
            self.parking.park({**self.first.assignments, **self.later.assignments}, clock())
            await asyncio.sleep(TICK_SECONDS)

    async def _report(self) -> None:
        while True:
            self.report()
            await asyncio.sleep(REPORT_SECONDS)


def work_of(
    row: Row, first: TrackedConsumer, later: TrackedConsumer, parking: Parking
) -> tuple[TrackedConsumer, Work] | None:
    """Return the work that a row stands for, with its consumer; None when its partition is not ours any more."""
    record = row.record
    if row.stored is Stored.PARKED:
        # Partition n of the parking topic goes with partition n of the main one.
        owned = (it for place, it in first.assignments.items() if place.partition == record.partition)
        assignment = next(owned, None)
        consumer, parked = first, parking
    else:
        place = TopicPartition(record.topic, record.partition)
        consumer = first if place in first.assignments else later
        assignment, parked = consumer.assignments.get(place), None
    if assignment is None or assignment.closed:
        return None
    return consumer, Work(record, assignment, parked)
