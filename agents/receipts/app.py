"""The receipts agent's wiring."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final

from agents.receipts.gather import DUE_AT_ONCE, STAGE, Gatherer, Memories, is_wanted
from agents.receipts.ownership import Ownership
from agents.runtime import Agent
from pipeline.kafka.admin.positions import require_positions
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.handoff import HandOff
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.metrics import MESSAGES_AWAITING_RECEIPTS
from pipeline.receipts.memory import Memory
from pipeline.settings import KafkaSettings, ReceiptSettings
from schemas.roll_up import Match, RollUp
from schemas.topics import DLR_GATHERED, DLR_MATCHED, ROLLED_UP

GROUP: Final = "sms-receipts"
RUN_AHEAD: Final = 10_000
TICK_SECONDS: Final = 1.0
GATHER_SECONDS: Final = 0.1
"""A receipt may wait so long for others: most fetches under load bring statuses that nobody awaits a receipt of."""


async def serve(agent: Agent) -> None:
    """Run until told to stop, then drain."""
    kafka, settings = KafkaSettings(), ReceiptSettings()
    # To begin anew would tell once more what has been told and forgotten.
    await require_positions(kafka, {GROUP: ROLLED_UP}, worked_if=[DLR_GATHERED, DLR_MATCHED])
    async with AsyncExitStack() as opened:
        memories = Memories(Memory(RollUp), Memory(Match))
        hand_off = HandOff(kafka, group=GROUP)
        gatherer = Gatherer(memories, hand_off, timedelta(seconds=settings.timeout_seconds))
        kept = []
        for topic, memory in ((DLR_GATHERED, memories.messages), (DLR_MATCHED, memories.matches)):
            opened.callback(memory.close)
            follower = TopicFollower(kafka, topic, client_id=f"receipts-{topic}", max_partition_fetch_bytes=4_194_304)
            await follower.start()
            opened.push_async_callback(follower.stop)
            kept.append((follower, memory))
        consumer = TrackedConsumer(
            kafka, agent.settings, slot=agent.slot, group=GROUP, topics=ROLLED_UP, run_ahead=RUN_AHEAD,
            hand_off=hand_off, owner=Ownership(kept, gatherer, kafka.connect_timeout_seconds),
            wants=is_wanted, pause_seconds=GATHER_SECONDS,
        )  # fmt: skip
        agent.ready = lambda: consumer.joined

        async def tick() -> None:
            while True:
                consumer.report(STAGE)
                MESSAGES_AWAITING_RECEIPTS.set(len(memories.messages))
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
