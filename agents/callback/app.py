"""The callback agent's wiring: two consumers, two pools, one poster.

First attempts and later ones have workers of their own, so that a storm of retries delays no first attempt.
"""

import asyncio
from time import monotonic

from agents.callback.attempts import AttemptLog
from agents.callback.following import STAGE
from agents.callback.memory import Memory
from agents.callback.notify import Notifier
from agents.callback.pool import Pool, most_open
from agents.callback.read import Notification, read
from agents.runtime import Agent
from pipeline.callbacks.endpoint_health import Endpoints
from pipeline.http.addresses import AddressGuard
from pipeline.http.client import HttpPoster
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.retry_tiers import tier_consumer
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.metrics import LAG, OPEN_ENDPOINT_BREAKERS, SLOW_ENDPOINTS
from pipeline.settings import CallbackSettings, KafkaSettings, RetrySettings
from schemas.topics import CALLBACK_RETRY, STATUS

REPORT_SECONDS = 1.0  # how far the metrics may be behind
MEMORY_SECONDS = 0.2

_lag = LAG.labels(STAGE)


async def serve(agent: Agent) -> None:
    """Run until told to stop, then drain."""
    kafka, settings, retry = KafkaSettings(), CallbackSettings(), RetrySettings()
    # Slow lanes have more workers than their work seems to need: most of the time they only wait.
    first_workers = (settings.workers, settings.workers)
    later_workers = (max(1, settings.workers // 4), max(1, settings.workers // 2))
    view = await DirectoryView(kafka, client_id="callback-directory").start()
    producer = await RecordProducer(kafka, client_id="callback-attempts").start()
    attempt_log = AttemptLog(producer)
    endpoints = Endpoints(monotonic)
    poster = HttpPoster(
        timeout_seconds=settings.timeout_seconds,
        connect_timeout_seconds=settings.connect_timeout_seconds,
        max_answer_bytes=settings.max_answer_bytes,
        max_connections=most_open(*first_workers) + most_open(*later_workers),
        guard=AddressGuard(settings.allowed_addresses),
    )
    notifier = Notifier(view, poster, endpoints, attempt_log, retry.callback_delays_seconds)
    first_attempts: Pool[Notification] = Pool(*first_workers, notifier, notifier.defer)
    later_attempts: Pool[Notification] = Pool(*later_workers, notifier, notifier.defer, later=True)
    first = await TrackedConsumer(
        kafka, agent.settings, group="sms-callback", topics=[STATUS], run_ahead=settings.run_ahead, hands_on=True
    ).start()
    later = await tier_consumer(
        kafka, agent.settings, group="sms-callback-retry", family=CALLBACK_RETRY,
        delays_seconds=retry.callback_delays_seconds, run_ahead=settings.run_ahead,
    ).start()  # fmt: skip
    agent.ready = lambda: first.joined and later.joined

    async def take(consumer: TrackedConsumer, pool: Pool[Notification]) -> None:
        async for batch in consumer.batches(agent.stopping):
            for work in batch:
                item = read(work)
                health = notifier.endpoint_for(item)
                if health is not None and isinstance(item, Notification):
                    pool.put(health, item)
        await consumer.drain()

    async def stay_small() -> None:
        memory = Memory()
        while True:
            memory.give_back()
            await asyncio.sleep(MEMORY_SECONDS)

    async def report() -> None:
        while True:
            _lag.set(first.lag() + later.lag())
            notifier.report()
            endpoints.sweep()
            SLOW_ENDPOINTS.set(endpoints.slow)
            OPEN_ENDPOINT_BREAKERS.set(endpoints.open)
            await asyncio.sleep(REPORT_SECONDS)

    async with asyncio.TaskGroup() as background:
        running = [
            background.create_task(task)
            for task in (
                view.follow(), attempt_log.run(), first_attempts.run(), later_attempts.run(),
                first.run_commits(), later.run_commits(), report(), stay_small(),
            )
        ]  # fmt: skip
        async with asyncio.TaskGroup() as intake:
            intake.create_task(take(first, first_attempts))
            intake.create_task(take(later, later_attempts))
        for task in running:
            task.cancel()
    await asyncio.gather(first.stop(), later.stop())
    await poster.close()
    await producer.stop()
    await view.stop()
