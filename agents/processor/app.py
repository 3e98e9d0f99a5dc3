"""The Faust app, kept inside the envelope in which Faust loses nothing.

Faust acks a record whose agent raised, forgets failed sends and may commit past a hole when acks come out of order.
So: raw bytes in, one agent with concurrency 1, manual acks in offset order, every output acknowledged by the broker
through our own producer before the input is acked (worker.py), a driver of our own (driver.py), and any error of the
broker's ends the process. No tables, no web server, no autodiscovery; names are given. See docs/reliability.md.
"""

import asyncio
import ssl
from typing import Any, Final

import faust
from faust.tables import TableManager

from agents.processor.driver import CommittedTransport
from agents.processor.worker import Taken
from pipeline.settings import KafkaSettings
from pipeline.slot import Slot
from schemas.topics import SUBMITTED

GROUP: Final = "sms-processor"


class _NoTables(TableManager):
    """There are no tables. Faust's own manager waits a second at the start for some to be declared."""

    async def on_start(self) -> None:
        """Start without that second: a restart is to be quick."""
        await self._update_channels()
        await self.recovery.start()


def build_app(kafka: KafkaSettings, slot: Slot) -> faust.App:
    """Return the app without its agent. Call it inside the running event loop."""
    app = faust.App(
        GROUP,
        loop=asyncio.get_running_loop(),
        broker=[f"kafka://{server.strip()}" for server in kafka.bootstrap_servers.split(",")],
        # For its producer, which writes nothing, but connects.
        broker_credentials=_credentials(kafka),
        autodiscover=False,
        web_enabled=False,
        processing_guarantee="at_least_once",
        topic_allow_declare=False,
        topic_disable_leader=True,
        broker_commit_interval=0.5,
        broker_commit_every=500,
        broker_session_timeout=kafka.session_timeout_seconds,
        broker_request_timeout=max(40.0, kafka.session_timeout_seconds),
        stream_wait_empty=True,
        stream_buffer_maxsize=512,
        table_standby_replicas=0,
        TableManager=_NoTables,
        # Nothing is kept on disk; Faust insists on a directory name.
        datadir=None,
    )
    app.transport = CommittedTransport(app, kafka, slot.member(GROUP))
    return app


def assignments(app: faust.App) -> int:
    """Return how often partitions have been given out: a number that is another one after each time."""
    transport = app.transport
    return transport.assignments if isinstance(transport, CommittedTransport) else 0


def _credentials(kafka: KafkaSettings) -> Any:
    context = ssl.create_default_context(cafile=kafka.ssl_ca_file) if kafka.security_protocol.endswith("SSL") else None
    if kafka.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            mechanism=kafka.sasl_mechanism,
            username=kafka.sasl_username,
            password=kafka.sasl_password.get_secret_value() if kafka.sasl_password else None,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None


def add_agent(app: faust.App, intake: "asyncio.Queue[Taken]") -> None:
    """Bind the one agent to `app`: it only moves events to `intake`, which bounds how far Faust runs ahead."""
    topic = app.topic(
        SUBMITTED, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", internal=False
    )

    async def take(stream: Any) -> None:
        manual = stream.noack()
        async for event in manual.events():
            await intake.put(Taken(event, manual))

    app.agent(topic, name="processor", concurrency=1)(take)
