"""`python -m agents.delivery`: the process."""

import asyncio

from agents.delivery.deliver import Delivery
from agents.runtime import Agent, run
from pipeline.http_poster import HttpPoster
from pipeline.kafka.consumer import TrackedConsumer, Work
from pipeline.kafka.directory_view import DirectoryView
from pipeline.kafka.group_commit import GroupCommit
from pipeline.kafka.producer import OutRecord, RecordProducer
from pipeline.kafka.retry_tiers import tier_consumer
from pipeline.lanes import Lanes
from pipeline.settings import DeliverySettings, KafkaSettings, RetrySettings
from schemas.topics import MT_RETRY, SEGMENTED


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
    records: GroupCommit[OutRecord] = GroupCommit(producer.write)
    lanes: Lanes[Work] = Lanes(settings.lanes, Delivery(view, poster, records.add, retry.mt_delays_seconds))
    first = await TrackedConsumer(
        kafka, agent.settings, group="sms-delivery", topics=[SEGMENTED], run_ahead=settings.run_ahead
    ).start()
    again = await tier_consumer(
        kafka, agent.settings, group="sms-delivery-retry", family=MT_RETRY,
        delays_seconds=retry.mt_delays_seconds, run_ahead=settings.run_ahead,
    ).start()  # fmt: skip
    agent.ready = lambda: first.joined and again.joined

    async def take(consumer: TrackedConsumer) -> None:
        async for batch in consumer.batches(agent.stopping):
            for work in batch:
                lanes.put(work.key or b"", work)
        await consumer.drain()

    async with asyncio.TaskGroup() as background:
        running = [
            background.create_task(task)
            for task in (view.follow(), records.run(), lanes.run(), first.run_commits(), again.run_commits())
        ]
        async with asyncio.TaskGroup() as intake:
            intake.create_task(take(first))
            intake.create_task(take(again))
        for task in running:
            task.cancel()
    await asyncio.gather(first.stop(), again.stop())
    await poster.close()
    await producer.stop()
    await view.stop()


def main() -> None:
    """Start delivery."""
    run("delivery", serve)


if __name__ == "__main__":
    main()
