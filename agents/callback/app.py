"""The callback agent's wiring."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from time import monotonic

from agents.callback.attempts import AttemptLog
from agents.callback.endpoints import Endpoints
from agents.callback.line_up import LineUp, Notification, lane_of
from agents.callback.notify import Notifier
from agents.callback.ownership import Ownership
from agents.callback.reschedule import STAGE
from agents.memory import Memory
from agents.posting_agent import PostingAgent, work_of
from agents.runtime import Agent
from agents.workers import Workers
from pipeline.callbacks.batch import GATHERING
from pipeline.directory.callback_secrets import CallbackSealer
from pipeline.http.addresses import AddressGuard
from pipeline.http.client import HttpPoster
from pipeline.kafka.admin.positions import require_positions
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.handoff import HandOff
from pipeline.kafka.consuming.parking import Parking
from pipeline.kafka.consuming.retry_tiers import tier_consumer
from pipeline.kafka.consuming.work import Work
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.metrics import BACKLOG, POSTS_IN_FLIGHT, TURNS_WAITING
from pipeline.posting.backlog import Backlog
from pipeline.posting.dispatcher import Dispatcher
from pipeline.posting.intake import Entry
from pipeline.posting.peers.known_peers import Peers
from pipeline.posting.peers.peer import Peer
from pipeline.posting.retry_schedule import RetrySchedule
from pipeline.posting.row import Row
from pipeline.settings import CallbackKeySettings, CallbackSettings, KafkaSettings, RetrySettings
from schemas.topics import CALLBACK_ATTEMPTED, CALLBACK_PARKED, CALLBACK_RETRY, STATUS, tier_topic

GROUP = "sms-callback"
MEMORY_SECONDS = 0.2
FIRST_IN_FLIGHT = 8  # POSTs to an endpoint that has not answered yet: then one more for each answer
PROBING_AT_ONCE = 64  # connections beside those of the workers

_backlog = BACKLOG.labels(STAGE)
_in_flight = POSTS_IN_FLIGHT.labels(STAGE)
_waiting = TURNS_WAITING.labels(STAGE)


async def serve(agent: Agent) -> None:
    """Run until told to stop, then drain."""
    kafka, settings, retry = KafkaSettings(), CallbackSettings(), RetrySettings()
    schedule = RetrySchedule(CALLBACK_RETRY, retry.callback_delays_seconds)
    tiers = [tier_topic(CALLBACK_RETRY, seconds) for seconds in retry.callback_delays_seconds]
    await require_positions(
        kafka, {GROUP: [STATUS], f"{GROUP}-retry": tiers}, worked_if=[CALLBACK_ATTEMPTED, CALLBACK_PARKED]
    )
    async with AsyncExitStack() as opened:
        view = await DirectoryView(kafka, client_id="callback-directory").start()
        opened.push_async_callback(view.stop)
        producer = await RecordProducer(kafka, client_id="callback-attempts").start()
        opened.push_async_callback(producer.stop)
        attempt_log, workers = AttemptLog(producer), Workers()
        poster = HttpPoster(
            timeout_seconds=settings.timeout_seconds,
            connect_timeout_seconds=settings.connect_timeout_seconds,
            max_answer_bytes=settings.max_answer_bytes,
            max_connections=3 * settings.workers + PROBING_AT_ONCE,
            guard=AddressGuard(settings.allowed_addresses),
        )
        opened.push_async_callback(poster.close)
        sealer = CallbackSealer.opening(CallbackKeySettings().key_file)

        async def take_again(entries: Iterable[Entry[Notification]]) -> None:
            await line_up.intake.take(entries)

        notifier = Notifier(view, poster, attempt_log, schedule, sealer, agent.tracing, line_up=take_again)
        dispatcher: Dispatcher[Entry[Notification]] = Dispatcher(
            notifier,
            workers.spawn,
            monotonic,
            quick=settings.workers,
            slow=settings.workers,
            probing=PROBING_AT_ONCE,
            gathering=GATHERING,
        )
        backlog = Backlog()
        opened.callback(backlog.close)
        peers = Peers(
            lambda trunk_id: Peer(trunk_id, monotonic, most=settings.workers, at_first=FIRST_IN_FLIGHT),
            lambda peer: peer.in_flight > 0 or dispatcher.queue.waits_for(peer) or backlog.waiting_for(peer.name) > 0,
            monotonic,
        )

        async def reach(peer: Peer) -> bool:
            return await notifier.reach(peer.name)

        def find_work(row: Row) -> tuple[TrackedConsumer, Work] | None:
            return work_of(row, first, later, parking)

        line_up = LineUp(
            view.directory,
            notifier.has_to_wait,
            notifier.expire,
            schedule,
            dispatcher,
            backlog,
            peers,
            reach=reach,
            find_work=find_work,
        )
        hand_off = HandOff(kafka, group=GROUP)
        parking = Parking(
            kafka, CALLBACK_PARKED, backlog, client_id="callback-parking", producer=producer, transactions=hand_off,
            add_rows=line_up.intake.add_rows, lane_of=lane_of,
        )  # fmt: skip
        await parking.start()
        opened.push_async_callback(parking.stop)
        first = TrackedConsumer(
            kafka, agent.settings, slot=agent.slot, group=GROUP, topics=[STATUS], run_ahead=settings.run_ahead,
            hand_off=hand_off, owner=Ownership([STATUS], backlog, parking, workers.spawn, main=True),
        )  # fmt: skip
        later = tier_consumer(
            kafka, agent.settings, slot=agent.slot, group=f"{GROUP}-retry", family=CALLBACK_RETRY,
            delays_seconds=retry.callback_delays_seconds, run_ahead=settings.run_ahead,
            owner=Ownership(tiers, backlog, parking, workers.spawn, main=False),
        )  # fmt: skip
        endpoints = Endpoints(view.directory, peers)

        async def stay_small() -> None:
            memory = Memory()
            while True:
                memory.give_back()
                await asyncio.sleep(MEMORY_SECONDS)

        def report() -> None:
            first.report(STAGE)
            later.report(STAGE)
            _backlog.set(len(backlog))
            notifier.report()
            endpoints.update()
            _in_flight.set(sum(peer.in_flight for peer in peers))
            _waiting.set(dispatcher.waiting)

        await PostingAgent(
            workers, dispatcher, line_up.intake, parking, first, later, line_up.take, report,
            [view.follow, attempt_log.run, stay_small],
        ).serve(agent)  # fmt: skip
