"""`python -m agents.processor`: the process."""

import asyncio

from agents.processor.app import add_agent, build_app
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
    failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    add_agent(app, producer, view.directory, MessageSettings(), failure)
    async with asyncio.TaskGroup() as background:
        follow = background.create_task(view.follow())
        await app.start()
        agent.ready = lambda: not app.rebalancing and bool(app.consumer.assignment())
        stopping = background.create_task(agent.stopping.wait())
        crashed = background.create_task(app.wait_until_stopped())
        await asyncio.wait((stopping, crashed, failure, follow), return_when=asyncio.FIRST_COMPLETED)
        if failure.done():
            failure.result()
        if app.crash_reason is not None:
            raise app.crash_reason
        await app.stop()
        for task in (follow, stopping, crashed):
            task.cancel()
    await producer.stop()
    await view.stop()


def main() -> None:
    """Start the processor."""
    run("processor", serve)


if __name__ == "__main__":
    main()
