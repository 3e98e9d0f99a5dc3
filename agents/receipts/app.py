"""The receipts agent's wiring."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import Final

from agents.receipts.gather import DUE_AT_ONCE, STAGE, Gatherer, Memories, is_wanted
from agents.receipts.ownership import Ownership
from agents.receipts.poller import Poller
from agents.runtime import Agent
from agents.workers import Workers
from pipeline.carriers.profiles.book import BoundCarriers, ProfileBook
from pipeline.carriers.reading.reports import MAX_BYTES
from pipeline.directory.carrier_secrets import CarrierSealer, secrets_of
from pipeline.http.client import HttpPoster
from pipeline.kafka.admin.positions import require_positions
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.handoff import HandOff
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.metrics import MESSAGES_AWAITING_RECEIPTS
from pipeline.receipts.memory import Memory
from pipeline.settings import CarrierKeySettings, KafkaSettings, ReceiptSettings
from schemas.directory.carrier import Profile
from schemas.state.roll_up import Match, RollUp
from schemas.topics import DLR_GATHERED, DLR_MATCHED, ROLLED_UP

GROUP: Final = "sms-receipts"
RUN_AHEAD: Final = 10_000
TICK_SECONDS: Final = 1.0
POLL_TIMEOUT_SECONDS: Final = 10.0
POLL_CONNECTIONS: Final = 32
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
        view = await DirectoryView(kafka, client_id="receipts-directory").start()
        opened.push_async_callback(view.stop)
        producer = await RecordProducer(kafka, client_id="receipts").start()
        opened.push_async_callback(producer.stop)
        poster = HttpPoster(
            timeout_seconds=POLL_TIMEOUT_SECONDS, connect_timeout_seconds=POLL_TIMEOUT_SECONDS,
            max_answer_bytes=MAX_BYTES, max_connections=POLL_CONNECTIONS,
        )  # fmt: skip
        opened.push_async_callback(poster.close)
        sealer = CarrierSealer.opening(CarrierKeySettings().key_file)
        carriers = BoundCarriers(ProfileBook(partial(view.directory.get, Profile)), partial(secrets_of, sealer=sealer))
        workers = Workers()
        poller = Poller(view.directory, carriers, poster, producer.write, workers.spawn)
        gatherer = Gatherer(
            memories, hand_off, timedelta(seconds=settings.timeout_seconds), poller, tracing=agent.tracing
        )
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
                if await gatherer.pass_time(consumer.is_ours) < DUE_AT_ONCE:
                    await asyncio.sleep(TICK_SECONDS)

        async with asyncio.TaskGroup() as background:
            workers.group = background
            await consumer.start()
            running = [background.create_task(it) for it in (consumer.run_commits(), tick(), view.follow())]
            async for batch in consumer.batches(agent.stopping):
                await gatherer.take(batch, consumer.may_begin)
            await consumer.drain()
            for task in (*running, *poller.asking):
                task.cancel()
        await consumer.stop()
