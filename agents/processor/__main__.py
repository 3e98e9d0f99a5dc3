"""`python -m agents.processor`: the process."""

import asyncio

from agents.processor.app import MAX_RECORDS, Taken, add_agent, build_app, work
from agents.runtime import Agent, run
from pipeline.kafka.directory_view import DirectoryView
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings, MessageSettings


async def serve(agent: Agent) -> None:
    """Run until told to stop; raises what the Faust agent could not handle."""
    kafka = KafkaSettings()
    view = await DirectoryView(kafka, client_id="processor-directory").start()
    producer = await RecordProducer(kafka, client_id="processor").start()
    app = build_app(kafka, agent.settings)
    intake: asyncio.Queue[Taken] = asyncio.Queue(maxsize=MAX_RECORDS)
    add_agent(app, intake)
    async with asyncio.TaskGroup() as background:
        running = [
            background.create_task(view.follow()),
            background.create_task(work(intake, producer, view, MessageSettings())),
        ]
        await app.start()
        agent.ready = lambda: not app.rebalancing and bool(app.consumer.assignment())
        stopping = background.create_task(agent.stopping.wait())
        crashed = background.create_task(app.wait_until_stopped())
        await asyncio.wait((stopping, crashed), return_when=asyncio.FIRST_COMPLETED)
        if app.crash_reason is not None:
            raise app.crash_reason
        # Waits for what has been taken, and commits what has been acked.
        await app.stop()
        for task in (*running, stopping, crashed):
            task.cancel()
    await producer.stop()
    await view.stop()


def main() -> None:
    """Start the processor."""
    run("processor", serve)


if __name__ == "__main__":
    main()
