"""`python -m agents.processor`: the process."""

import asyncio

from agents.processor.app import GROUP, add_agent, build_app
from agents.processor.brake import Brake
from agents.processor.repetitions import Repetitions
from agents.processor.worker import MAX_RECORDS, Taken, Worker
from agents.runtime import Agent, run
from pipeline.idempotency.store import ClaimStore
from pipeline.kafka.admin.positions import require_positions
from pipeline.kafka.consuming.watchdog import watch
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.claims_view import ClaimsView
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.settings import KafkaSettings, MessageSettings, StateSettings
from schemas.topics import SEGMENTED, STATUS, SUBMITTED


async def serve(agent: Agent) -> None:
    """Run until told to stop; raises what the Faust agent could not handle."""
    kafka = KafkaSettings()
    await require_positions(kafka, {GROUP: [SUBMITTED]}, worked_if=[SEGMENTED, STATUS])
    view = await DirectoryView(kafka, client_id="processor-directory").start()
    store = ClaimStore(StateSettings().file(f"idempotency-processor-{agent.slot.number}.sqlite"))
    claims = await ClaimsView(kafka, store, client_id="processor-keys", group=GROUP).start()
    repetitions = Repetitions(claims, kafka.produce_timeout_seconds)
    producer = await RecordProducer(kafka, client_id="processor").start()
    brake = Brake(agent.settings.dead_letter_brake, lambda name: view.directory.trunk(name) is not None)
    app = build_app(kafka, agent.slot)
    intake: asyncio.Queue[Taken] = asyncio.Queue(maxsize=MAX_RECORDS)
    add_agent(app, intake)
    worker = Worker(intake, producer, view, repetitions, MessageSettings(), brake)
    async with asyncio.TaskGroup() as background:
        running = [
            background.create_task(view.follow()),
            background.create_task(claims.follow()),
            background.create_task(worker.run()),
        ]
        await app.start()
        stand = watch(kafka, GROUP, [SUBMITTED], agent.settings.watchdog_seconds, lambda: app.consumer.assignment())
        running.append(background.create_task(stand))
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
    await claims.stop()
    await view.stop()


def main() -> None:
    """Start the processor."""
    run("processor", serve)


if __name__ == "__main__":
    main()
