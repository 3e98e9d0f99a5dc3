"""`python -m agents.processor`: the process."""

import asyncio

from agents.processor.app import GROUP, add_agent, assignments, build_app
from agents.processor.brake import Brake
from agents.processor.counting import Counting
from agents.processor.repetitions import Repetitions
from agents.processor.worker import MAX_RECORDS, Taken, Worker
from agents.runtime import Agent, run
from pipeline.idempotency.store import ClaimStore
from pipeline.kafka.admin.positions import require_positions
from pipeline.kafka.consuming.watchdog import watch
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.account_screens_view import AccountScreensView
from pipeline.kafka.views.claims_view import ClaimsView
from pipeline.kafka.views.counts_view import CountsView
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.kafka.views.opt_outs_view import OptOutsView
from pipeline.kafka.views.screens_view import ScreensView
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.limits.guards import MINUTE_MS, guards_of
from pipeline.settings import KafkaSettings, MessageSettings, StateSettings
from schemas.directory.account import Account
from schemas.topics import SCHEDULED, SCREENED, SEGMENTED, STATUS, SUBMITTED


async def serve(agent: Agent) -> None:
    """Run until told to stop; raises what the Faust agent could not handle."""
    kafka = KafkaSettings()
    await require_positions(kafka, {GROUP: [SUBMITTED]}, worked_if=[SEGMENTED, STATUS, SCHEDULED])
    view = await DirectoryView(kafka, client_id="processor-directory").start()
    opt_outs = await OptOutsView(kafka, view.directory.opt_outs, client_id="processor-opt-outs").start()
    store = ClaimStore(StateSettings().file(f"idempotency-processor-{agent.slot.number}.sqlite"))
    claims = await ClaimsView(kafka, store, client_id="processor-keys", group=GROUP).start()
    repetitions = Repetitions(claims, kafka.produce_timeout_seconds)
    producer = await RecordProducer(kafka, client_id="processor").start()
    brake = Brake(agent.settings.dead_letter_brake, lambda name: view.directory.trunk(name) is not None)
    app = build_app(kafka, agent.slot)
    intake: asyncio.Queue[Taken] = asyncio.Queue(maxsize=MAX_RECORDS)
    add_agent(app, intake)
    counts = await CountsView(kafka, client_id="processor-counts", assignments=lambda: assignments(app)).start()
    screenings = await ScreensView(
        TopicFollower(kafka, SCREENED, client_id="processor-screens", fetch_max_wait_ms=20),
        assignments=lambda: assignments(app),
        reach_ms=lambda: MINUTE_MS * view.directory.longest_window_minutes(),
        limit_seconds=kafka.connect_timeout_seconds,
    ).start()
    account_screens = await AccountScreensView(
        TopicFollower(kafka, SCREENED, client_id="processor-account-screens", fetch_max_wait_ms=500),
        screenings.screens,
        guards_of=lambda account_id: None if (it := view.directory.account(account_id)) is None else guards_of(it),
        reach_seconds=lambda: 60 * view.directory.longest_window_minutes(Account),
    ).start()
    counting = Counting(view, counts, screenings)
    worker = Worker(intake, producer, view, repetitions, counting, MessageSettings(), brake, agent.tracing)
    async with asyncio.TaskGroup() as background:
        running = [
            background.create_task(view.follow()),
            background.create_task(opt_outs.follow()),
            background.create_task(claims.follow()),
            background.create_task(counts.follow()),
            background.create_task(account_screens.follow()),
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
    await account_screens.stop()
    await screenings.stop()
    await counts.stop()
    await claims.stop()
    await opt_outs.stop()
    await view.stop()


def main() -> None:
    """Start the processor."""
    run("processor", serve, traced=True)


if __name__ == "__main__":
    main()
