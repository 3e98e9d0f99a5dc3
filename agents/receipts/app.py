"""The receipts agent's wiring."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final

from agents.receipts.gather import DUE_AT_ONCE, STAGE, Gatherer, is_wanted
from agents.receipts.ownership import Ownership
from agents.runtime import Agent
from pipeline.kafka.admin.positions import require_positions
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.handoff import HandOff
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.metrics import LAG, MESSAGES_AWAITING_RECEIPTS
from pipeline.receipts.memory import Memory
from pipeline.settings import KafkaSettings, ReceiptSettings
from schemas.topics import DLR_GATHERED, DLR_RECEIVED, STATUS

GROUP: Final = "sms-receipts"
TOPICS: Final = (STATUS, DLR_RECEIVED)
RUN_AHEAD: Final = 10_000
TICK_SECONDS: Final = 1.0
GATHER_SECONDS: Final = 0.1
"""A receipt may wait so long for others: most fetches under load bring statuses that nobody awaits a receipt of."""

_lag = LAG.labels(STAGE)


async def serve(agent: Agent) -> None:
    """Run until told to stop, then drain."""
    kafka, settings = KafkaSettings(), ReceiptSettings()
    # To begin anew would tell once more what has been told and forgotten.
    await require_positions(kafka, {GROUP: TOPICS}, worked_if=[DLR_GATHERED])
    async with AsyncExitStack() as opened:
        memory = Memory()
        opened.callback(memory.close)
        hand_off = HandOff(kafka, group=GROUP)
        gatherer = Gatherer(memory, hand_off, timedelta(seconds=settings.timeout_seconds))
        follower = TopicFollower(
            kafka, DLR_GATHERED, client_id="receipts-gathered", max_partition_fetch_bytes=4_194_304
        )
        await follower.start()
        opened.push_async_callback(follower.stop)
        consumer = TrackedConsumer(
            kafka, agent.settings, slot=agent.slot, group=GROUP, topics=TOPICS, run_ahead=RUN_AHEAD, hand_off=hand_off,
            owner=Ownership(follower, memory, gatherer, kafka.connect_timeout_seconds),
            wants=is_wanted, pause_seconds=GATHER_SECONDS,
        )  # fmt: skip
        agent.ready = lambda: consumer.joined

        async def tick() -> None:
            while True:
                _lag.set(consumer.lag())
                MESSAGES_AWAITING_RECEIPTS.set(len(memory))
                if await gatherer.pass_time(is_ours) < DUE_AT_ONCE:
                    await asyncio.sleep(TICK_SECONDS)

        def is_ours(partition: int) -> bool:
            return any(
                place.partition == partition and not assignment.closed
                for place, assignment in consumer.assignments.items()
            )

        async with asyncio.TaskGroup() as background:
            await consumer.start()
            running = [background.create_task(it) for it in (consumer.run_commits(), tick())]
            async for batch in consumer.batches(agent.stopping):
                await gatherer.take(batch, consumer.may_begin)
            await consumer.drain()
            for task in running:
                task.cancel()
        await consumer.stop()
