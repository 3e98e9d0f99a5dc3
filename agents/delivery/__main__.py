"""`python -m agents.delivery`: the process."""

import asyncio

from agents.delivery.carrier_line import CarrierLine
from agents.delivery.deliver import STAGE, Delivery
from agents.delivery.intake import Intake
from agents.delivery.message_run import Means
from agents.delivery.write import Writer
from agents.runtime import Agent, run
from pipeline.http.client import HttpPoster
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.journal import Journal
from pipeline.kafka.consuming.retry_tiers import tier_consumer
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.metrics import LAG
from pipeline.settings import DeliverySettings, KafkaSettings, RetrySettings
from schemas.topics import MT_RETRY, SEGMENTED

REPORT_SECONDS = 1.0  # how far the metrics may be behind

_lag = LAG.labels(STAGE)


async def serve(agent: Agent) -> None:
    """Run until told to stop, then drain."""
    kafka, settings, retry = KafkaSettings(), DeliverySettings(), RetrySettings()
    view = await DirectoryView(kafka, client_id="delivery-directory").start()
    producer = await RecordProducer(kafka, client_id="delivery").start()
    poster = HttpPoster(
        timeout_seconds=settings.timeout_seconds,
        connect_timeout_seconds=settings.connect_timeout_seconds,
        max_answer_bytes=settings.max_answer_bytes,
        max_connections=settings.connections,
    )
    journal = await Journal(kafka, producer, client_id="delivery-journal").start()
    writer = Writer(journal)
    line = CarrierLine(poster)
    delivery = Delivery(Means(view, line, journal, writer, retry.mt_delays_seconds))
    first = await TrackedConsumer(
        kafka,
        agent.settings,
        group="sms-delivery",
        topics=[SEGMENTED],
        run_ahead=settings.run_ahead,
        outstanding=settings.run_ahead,  # the intake bounds what is in memory as messages
        hands_on=True,
        recover=journal.recover,
        journal_end=journal.end,
    ).start()
    again = await tier_consumer(
        kafka, agent.settings, group="sms-delivery-retry", family=MT_RETRY,
        delays_seconds=retry.mt_delays_seconds, run_ahead=settings.run_ahead,
        recover=journal.recover, journal_end=journal.end,
    ).start()  # fmt: skip
    agent.ready = lambda: first.joined and again.joined

    async def take(intake: Intake, consumer: TrackedConsumer, *, later: bool) -> None:
        async for batch in consumer.batches(agent.stopping):
            await intake.take(consumer, batch, later=later)
        await consumer.drain()

    async def report() -> None:
        while True:
            _lag.set(first.lag() + again.lag())
            line.report()
            delivery.report()
            await asyncio.sleep(REPORT_SECONDS)

    async def look_after(intake: Intake) -> None:
        while True:
            await intake.look_after()
            await asyncio.sleep(REPORT_SECONDS)

    async with asyncio.TaskGroup() as background:
        intake = Intake(delivery, settings.lanes, background.create_task, agent.stopping)
        running = [
            background.create_task(task)
            for task in (
                view.follow(), writer.run(), first.run_commits(), again.run_commits(), report(), look_after(intake),
            )
        ]  # fmt: skip
        async with asyncio.TaskGroup() as reading:
            reading.create_task(take(intake, first, later=False))
            reading.create_task(take(intake, again, later=True))
        intake.close()
        for task in running:
            task.cancel()
    await asyncio.gather(first.stop(), again.stop())
    await poster.close()
    await journal.stop()
    await producer.stop()
    await view.stop()


def main() -> None:
    """Start delivery."""
    run("delivery", serve)


if __name__ == "__main__":
    main()
