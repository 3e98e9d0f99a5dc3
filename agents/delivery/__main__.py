"""`python -m agents.delivery`: the process."""

import asyncio
from collections.abc import Sequence

from agents.delivery.carrier_line import CarrierLine
from agents.delivery.deliver import STAGE, Delivery
from agents.delivery.message_run import Means
from agents.runtime import Agent, run
from pipeline.http_poster import HttpPoster
from pipeline.kafka.consumer import TrackedConsumer, Work
from pipeline.kafka.directory_view import DirectoryView
from pipeline.kafka.group_commit import BUSY_PAUSE_SECONDS, GroupCommit
from pipeline.kafka.journal import Journal
from pipeline.kafka.producer import OutRecord, RecordProducer
from pipeline.kafka.retry_tiers import tier_consumer
from pipeline.lanes import Lanes
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
        max_connections=settings.lanes,
    )
    journal = await Journal(kafka, producer, client_id="delivery-journal").start()
    records: GroupCommit[Sequence[OutRecord]] = GroupCommit(journal.write, pause_seconds=BUSY_PAUSE_SECONDS)
    line = CarrierLine(poster)
    delivery = Delivery(Means(view, line, journal, records.add, retry.mt_delays_seconds))
    lanes: Lanes[tuple[TrackedConsumer, Work]] = Lanes(settings.lanes, delivery)
    first = await TrackedConsumer(
        kafka,
        agent.settings,
        group="sms-delivery",
        topics=[SEGMENTED],
        run_ahead=settings.run_ahead,
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

    async def take(consumer: TrackedConsumer) -> None:
        async for batch in consumer.batches(agent.stopping):
            for work in batch:
                lanes.put(work.key or b"", (consumer, work))
        await consumer.drain()

    async def report() -> None:
        while True:
            _lag.set(first.lag() + again.lag())
            line.report()
            await asyncio.sleep(REPORT_SECONDS)

    async with asyncio.TaskGroup() as background:
        running = [
            background.create_task(task)
            for task in (view.follow(), records.run(), lanes.run(), first.run_commits(), again.run_commits(), report())
        ]
        async with asyncio.TaskGroup() as intake:
            intake.create_task(take(first))
            intake.create_task(take(again))
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
