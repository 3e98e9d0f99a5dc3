"""Delivery's wiring."""

from contextlib import AsyncExitStack
from functools import partial
from time import monotonic

from agents.delivery.carrier_line import CarrierLine
from agents.delivery.carriers import Carriers, carrier_peer
from agents.delivery.deliver import STAGE, Delivery
from agents.delivery.line_up import LineUp, Reading, lane_of
from agents.delivery.ownership import Ownership
from agents.delivery.rates import Rates
from agents.delivery.write import OutcomeWriter
from agents.posting_agent import PostingAgent, work_of
from agents.runtime import Agent
from agents.workers import Workers
from pipeline.carriers.profiles.book import BoundCarriers, ProfileBook
from pipeline.directory.carrier_secrets import CarrierSealer, secrets_of
from pipeline.http.client import HttpPoster
from pipeline.kafka.admin.positions import require_positions
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.handoff import HandOff
from pipeline.kafka.consuming.journal import Journal
from pipeline.kafka.consuming.parking import Parking
from pipeline.kafka.consuming.retry_tiers import tier_consumer
from pipeline.kafka.consuming.work import Work
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.cancellations_view import CancellationsView
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.metrics import BACKLOG
from pipeline.posting.backlog import Backlog
from pipeline.posting.dispatcher import Dispatcher
from pipeline.posting.intake import Entry
from pipeline.posting.peers.known_peers import Peers
from pipeline.posting.peers.peer import Peer
from pipeline.posting.retry_schedule import RetrySchedule
from pipeline.posting.row import Row
from pipeline.settings import (
    CarrierKeySettings,
    DeliverySettings,
    KafkaSettings,
    MessageSettings,
    ReceiptKeySettings,
    RetrySettings,
)
from schemas.directory.carrier import Profile
from schemas.topics import JOURNAL, MT_PARKED, MT_RETRY, SEGMENTED, tier_topic

GROUP = "sms-delivery"

_backlog = BACKLOG.labels(STAGE)


async def serve(agent: Agent) -> None:
    """Run until told to stop, then drain."""
    kafka, settings, retry = KafkaSettings(), DeliverySettings(), RetrySettings()
    receipt_key = ReceiptKeySettings().receipt_key.get_secret_value().encode()
    tiers = [tier_topic(MT_RETRY, seconds) for seconds in retry.mt_delays_seconds]
    await require_positions(kafka, {GROUP: [SEGMENTED], f"{GROUP}-retry": tiers}, worked_if=[JOURNAL, MT_PARKED])
    async with AsyncExitStack() as opened:
        view = await DirectoryView(kafka, client_id="delivery-directory").start()
        opened.push_async_callback(view.stop)
        producer = await RecordProducer(kafka, client_id="delivery").start()
        opened.push_async_callback(producer.stop)
        poster = HttpPoster(
            timeout_seconds=settings.timeout_seconds,
            connect_timeout_seconds=settings.connect_timeout_seconds,
            max_answer_bytes=settings.max_answer_bytes,
            max_connections=settings.connections,
        )
        opened.push_async_callback(poster.close)
        journal = await Journal(kafka, client_id="delivery-journal").start()
        opened.push_async_callback(journal.stop)

        time_to_live = MessageSettings().time_to_live_seconds
        wishes = await CancellationsView(
            kafka, client_id="delivery-cancellations", time_to_live_seconds=time_to_live
        ).start()
        opened.push_async_callback(wishes.stop)

        sealer = CarrierSealer.opening(CarrierKeySettings().key_file)
        bound = BoundCarriers(
            ProfileBook(partial(view.directory.get, Profile)), lambda carrier: secrets_of(carrier, sealer)
        )
        line = CarrierLine(poster, bound, settings.receipt_base_url, receipt_key)
        writer, workers = OutcomeWriter(producer, journal), Workers()
        delivery = Delivery(
            view, line, journal, writer, RetrySchedule(MT_RETRY, retry.mt_delays_seconds), agent.tracing,
            wishes.cancellations,
        )  # fmt: skip
        rates = Rates(view.directory, monotonic)
        places = max(1, settings.connections * 3 // 10)  # of each class; the rest of the connections is for probes
        dispatcher: Dispatcher[Entry[Reading]] = Dispatcher(
            delivery, workers.spawn, monotonic,
            quick=places, slow=places, probing=max(1, settings.connections - 3 * places), shares_peers=True,
            rate_of=rates.of_trunk,
        )  # fmt: skip
        backlog = Backlog()
        opened.callback(backlog.close)
        peers = Peers(
            partial(carrier_peer, view.directory, line.bound, rates, monotonic),
            lambda peer: peer.in_flight > 0 or dispatcher.queue.waits_for(peer) or backlog.waiting_for(peer.name) > 0,
            monotonic,
        )

        async def reach(peer: Peer) -> bool:
            carrier = view.directory.carrier(peer.name)
            return carrier is None or await line.reach(carrier)

        def find_work(row: Row) -> tuple[TrackedConsumer, Work] | None:
            return work_of(row, first, later, parking)

        line_up = LineUp(
            delivery.settle, delivery.refuse, journal.state, dispatcher, backlog, peers,
            reach=reach, find_work=find_work, spawn=workers.spawn,
        )  # fmt: skip
        hand_off = HandOff(kafka, group=GROUP)
        parking = Parking(
            kafka, MT_PARKED, backlog, client_id="delivery-parking", producer=producer, transactions=hand_off,
            add_rows=line_up.intake.add_rows, lane_of=lane_of,
        )  # fmt: skip
        await parking.start()
        opened.push_async_callback(parking.stop)
        first = TrackedConsumer(
            kafka, agent.settings, slot=agent.slot, group=GROUP, topics=[SEGMENTED], run_ahead=settings.run_ahead,
            hand_off=hand_off,
            owner=Ownership(
                [SEGMENTED], journal, backlog, parking, line_up.settle_first,
                lambda count: rates.own(count, first.partitions_of(SEGMENTED)),
            ),
        )  # fmt: skip
        later = tier_consumer(
            kafka, agent.settings, slot=agent.slot, group=f"{GROUP}-retry", family=MT_RETRY,
            delays_seconds=retry.mt_delays_seconds, run_ahead=settings.run_ahead,
            owner=Ownership(tiers, journal, backlog, parking),
        )  # fmt: skip
        carriers = Carriers(view.directory, line, peers, dispatcher, rates)
        carriers.update()

        def report() -> None:
            first.report(STAGE)
            later.report(STAGE)
            _backlog.set(len(backlog))
            line.report()
            delivery.figures.report()
            carriers.update()

        await PostingAgent(
            workers,
            dispatcher,
            line_up.intake,
            parking,
            first,
            later,
            line_up.take,
            report,
            [view.follow, writer.run, wishes.follow],
        ).serve(agent)
