"""The scheduler's wiring."""

import asyncio
from contextlib import AsyncExitStack
from time import time
from typing import Final

from agents.memory import Memory
from agents.runtime import Agent
from agents.scheduler.intake import STAGE, Intake
from agents.scheduler.known import Known
from agents.scheduler.release import Release
from pipeline.kafka.admin.positions import require_positions
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.handoff import HandOff
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.kafka.views.opt_outs_view import OptOutsView
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.metrics import SCHEDULED_BEHIND, SCHEDULED_WAITING
from pipeline.scheduling.deferred_store import DeferredStore
from pipeline.settings import KafkaSettings, MessageSettings, StateSettings
from schemas.topics import DEFERRED, TIMED

GROUP: Final = "sms-scheduler"
RUN_AHEAD: Final = 10_000
OUTSTANDING: Final = 2000
"""Records of a partition that are in memory until they are written with their commit: twice a second."""
TICK_SECONDS: Final = 0.2
REPORT_SECONDS: Final = 1.0


async def serve(agent: Agent) -> None:
    """Run until told to stop, then drain."""
    kafka = KafkaSettings()
    # To begin anew would take in once more what has been sent.
    await require_positions(kafka, {GROUP: TIMED}, worked_if=[DEFERRED])
    async with AsyncExitStack() as opened:
        hand_off = HandOff(kafka, group=GROUP)
        view = await DirectoryView(kafka, client_id="scheduler-directory").start()
        opened.push_async_callback(view.stop)
        opt_outs = await OptOutsView(kafka, view.directory.opt_outs, client_id="scheduler-opt-outs").start()
        opened.push_async_callback(opt_outs.stop)
        store = DeferredStore(StateSettings().file(f"scheduled-{agent.slot.number}.sqlite"))
        opened.callback(store.close)
        follower = TopicFollower(
            kafka, DEFERRED, client_id="scheduler-deferred", fetch_max_wait_ms=500, max_partition_fetch_bytes=4_194_304
        )
        await follower.start()
        opened.push_async_callback(follower.stop)
        memory = Memory(generation=2)
        known = Known(follower, store, kafka.connect_timeout_seconds, memory.give_back)
        intake, release = Intake(), Release(known, hand_off, view, MessageSettings())
        consumer = TrackedConsumer(
            kafka, agent.settings, slot=agent.slot, group=GROUP, topics=TIMED, run_ahead=RUN_AHEAD,
            outstanding=OUTSTANDING, hand_off=hand_off,
            owner=known,
        )  # fmt: skip
        agent.ready = lambda: consumer.joined

        async def tick() -> None:
            while True:
                memory.give_back()
                if not await release.pass_time(consumer.is_ours):
                    await asyncio.sleep(TICK_SECONDS)

        async def report() -> None:
            while True:
                consumer.report(STAGE)
                SCHEDULED_WAITING.set(store.waiting)
                first_due_ms = store.first_due_ms()
                behind = 0.0 if first_due_ms is None else max(0.0, time() - first_due_ms / 1000)
                SCHEDULED_BEHIND.set(behind)
                await asyncio.sleep(REPORT_SECONDS)

        async with asyncio.TaskGroup() as background:
            running = [background.create_task(known.read_ahead())]
            await consumer.start()
            running += [
                background.create_task(it)
                for it in (consumer.run_commits(), tick(), report(), known.follow(), view.follow(), opt_outs.follow())
            ]
            async for batch in consumer.batches(agent.stopping):
                await intake.take(batch, consumer.may_begin)
            await consumer.drain()
            for task in running:
                task.cancel()
        await consumer.stop()
