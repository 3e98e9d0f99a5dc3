"""The callback agent's wiring: two consumers, two pools, one poster.

First attempts and later ones have workers of their own, so that a storm of retries delays no first attempt.
"""

import asyncio

from agents.callback.notify import STAGE, Notifier
from agents.callback.pool import Pool
from agents.callback.read import Notification, Unreadable, endpoint_of, read
from agents.runtime import Agent
from pipeline.callbacks.addresses import AddressGuard
from pipeline.http_poster import HttpPoster
from pipeline.kafka.consumer import TrackedConsumer
from pipeline.kafka.directory_view import DirectoryView
from pipeline.kafka.retry_tiers import tier_consumer
from pipeline.metrics import LAG
from pipeline.settings import CallbackSettings, KafkaSettings, RetrySettings
from schemas.topics import CALLBACK_RETRY, STATUS

REPORT_SECONDS = 1.0  # how far the metrics may be behind

_lag = LAG.labels(STAGE)


async def serve(agent: Agent) -> None:
    """Run until told to stop, then drain."""
    kafka, settings, retry = KafkaSettings(), CallbackSettings(), RetrySettings()
    retry_workers = max(1, settings.workers // 4)
    poster = HttpPoster(
        timeout_seconds=settings.timeout_seconds,
        connect_timeout_seconds=settings.connect_timeout_seconds,
        max_answer_bytes=settings.max_answer_bytes,
        max_connections=settings.workers + retry_workers,
        guard=AddressGuard(settings.allowed_addresses),
    )
    view = await DirectoryView(kafka, client_id="callback-directory").start()
    notifier = Notifier(view, poster, retry.callback_delays_seconds)
    first_attempts = Pool(settings.workers, notifier)
    later_attempts = Pool(retry_workers, notifier)
    first = await TrackedConsumer(
        kafka, agent.settings, group="sms-callback", topics=[STATUS], run_ahead=settings.run_ahead, hands_on=True
    ).start()
    later = await tier_consumer(
        kafka, agent.settings, group="sms-callback-retry", family=CALLBACK_RETRY,
        delays_seconds=retry.callback_delays_seconds, run_ahead=settings.run_ahead,
    ).start()  # fmt: skip
    agent.ready = lambda: first.joined and later.joined

    async def take(consumer: TrackedConsumer, pool: Pool[Notification | Unreadable]) -> None:
        async for batch in consumer.batches(agent.stopping):
            for work in batch:
                item = read(work)
                pool.put(endpoint_of(view.directory, item), item)
        await consumer.drain()

    async def report() -> None:
        while True:
            _lag.set(first.lag() + later.lag())
            notifier.report()
            await asyncio.sleep(REPORT_SECONDS)

    async with asyncio.TaskGroup() as background:
        running = [
            background.create_task(task)
            for task in (
                view.follow(), first_attempts.run(), later_attempts.run(),
                first.run_commits(), later.run_commits(), report(),
            )
        ]  # fmt: skip
        async with asyncio.TaskGroup() as intake:
            intake.create_task(take(first, first_attempts))
            intake.create_task(take(later, later_attempts))
        for task in running:
            task.cancel()
    await asyncio.gather(first.stop(), later.stop())
    await poster.close()
    await view.stop()
