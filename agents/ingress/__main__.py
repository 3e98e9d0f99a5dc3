"""`python -m agents.ingress`: what is started, and in which order it stops."""

import asyncio
from functools import partial
from typing import Final

import structlog

from agents.ingress.app import HttpApi
from agents.ingress.cancellations import Canceller
from agents.ingress.claims import LastingClaims
from agents.ingress.keyed import KeyedSubmitter
from agents.ingress.receipts.door import ReceiptDoor
from agents.ingress.server import listen
from agents.ingress.submit import Submitter
from agents.ingress.writing import RecordWriter
from agents.runtime import Agent, run
from agents.serving.authentication import Authenticator
from pipeline.carriers.profiles.book import ProfileBook
from pipeline.errors import ConfigurationError
from pipeline.http.addresses import AddressGuard
from pipeline.http.client_address import Networks
from pipeline.idempotency.store import ClaimStore
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.claims_view import ClaimsView
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.kafka.views.living_view import LivingView
from pipeline.kafka.views.opt_outs_view import OptOutsView
from pipeline.limits.requests import RequestRates
from pipeline.metrics import INGRESS_PROCESSES, OUTSTANDING
from pipeline.settings import (
    CallbackSettings,
    IngressSettings,
    KafkaSettings,
    MessageSettings,
    PepperSettings,
    ReceiptKeySettings,
    StateSettings,
)
from schemas.directory.carrier import Profile

PRODUCER_STOP_SECONDS: Final = 5.0
"""A producer waits for a silent broker without limit; a process that wants to end does not."""

log = structlog.get_logger(__name__)


async def serve(agent: Agent) -> None:
    """Take requests until the agent stops; then finish those in progress."""
    kafka = KafkaSettings()
    settings = IngressSettings()
    max_segments = MessageSettings().max_segments
    pepper = PepperSettings().pepper.get_secret_value().encode()
    receipt_key = ReceiptKeySettings().receipt_key.get_secret_value().encode()
    try:
        trusted = Networks(settings.trusted_proxies)
    except ValueError as error:
        raise ConfigurationError(f"SMSOUT_INGRESS_TRUSTED_PROXIES: {error}") from error
    view = DirectoryView(kafka, client_id=f"ingress-{agent.slot.number}")
    opt_outs = OptOutsView(kafka, view.directory.opt_outs, client_id=f"ingress-{agent.slot.number}-opt-outs")
    producer = RecordProducer(kafka, client_id=f"ingress-{agent.slot.number}", gives_up=False)
    others = LivingView(kafka, producer, agent.slot.identity, client_id=f"ingress-{agent.slot.number}-living")
    keys_file = StateSettings().file(f"idempotency-ingress-{agent.slot.number}.sqlite")
    claims = LastingClaims(
        lambda: ClaimsView(kafka, ClaimStore(keys_file), client_id=f"ingress-{agent.slot.number}-keys")
    )
    try:
        await view.start()
        await opt_outs.start()
        await claims.start()
        await producer.start()
        await others.start()
        submitter = Submitter(producer, settings.acknowledge_timeout_seconds)
        authenticator = Authenticator(view.directory, pepper, trusted)
        keyed = KeyedSubmitter(submitter, claims, settings.acknowledge_timeout_seconds)
        receipt_writer = RecordWriter(producer, settings.acknowledge_timeout_seconds, "receipt")
        cancel_writer = RecordWriter(producer, settings.acknowledge_timeout_seconds, "cancel")
        profiles = ProfileBook(partial(view.directory.get, Profile))
        receipts = ReceiptDoor(settings, receipt_key, view.directory, profiles, receipt_writer)
        api = HttpApi(
            settings,
            authenticator,
            submitter,
            keyed,
            receipts,
            Canceller(cancel_writer),
            view.directory,
            RequestRates(view.directory, others.living),
            alphabets_of=profiles.national_alphabets,
            max_segments=max_segments,
            stopping=agent.stopping,
            callback_addresses=AddressGuard(CallbackSettings().allowed_addresses),
            tracing=agent.tracing,
        )
        OUTSTANDING.set_function(lambda: api.outstanding.total)
        INGRESS_PROCESSES.set_function(lambda: others.living.count)
        async with asyncio.TaskGroup() as tasks:
            running = (
                view.follow(),
                opt_outs.follow(),
                claims.follow(),
                others.follow(),
                others.announce(),
                submitter.run(),
                receipt_writer.run(),
                cancel_writer.run(),
            )
            background = [tasks.create_task(it) for it in running]
            listener = await listen(api, settings, trusted, drain_timeout_seconds=agent.settings.drain_timeout_seconds)
            agent.ready = lambda: submitter.broker_answers
            try:
                await agent.stopping.wait()
            finally:
                # Also when a task has failed: its callers get their answer before the process ends.
                await listener.cleanup()
            for task in background:
                task.cancel()
    finally:
        try:
            async with asyncio.timeout(PRODUCER_STOP_SECONDS):
                await others.leave()
                await producer.stop()
        except TimeoutError:
            log.warning("producer_left_behind")
        await others.stop()
        await claims.stop()
        await opt_outs.stop()
        await view.stop()


def main() -> None:
    """Run the process."""
    run("ingress", serve, traced=True, gives_way=True)


if __name__ == "__main__":
    main()
