"""The Faust app, kept inside the envelope in which Faust loses nothing.

Faust acks a record whose agent raised, forgets failed sends and may commit past a hole when acks come out of order.
So: raw bytes in, one agent with concurrency 1, manual acks in offset order, every output acknowledged by the broker
through our own producer before the input is acked, and any error ends the process. No tables, no web
server, no autodiscovery; names are given. See docs/reliability.md.
"""

import asyncio
import os
import ssl
from typing import Any, Final, NamedTuple

import faust
from faust.tables import TableManager

from agents.processor.brake import Brake
from agents.processor.records import caused_by
from agents.processor.repetitions import Repetitions, Unheld
from pipeline.errors import ConfigurationError
from pipeline.failpoints import failpoint
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.settings import AgentSettings, KafkaSettings, MessageSettings
from schemas.record import InRecord, OutRecord
from schemas.topics import STATUS, SUBMITTED

GROUP: Final = "sms-processor"

MAX_RECORDS: Final = 32  # at once; a record may hold 1000 submissions


class Taken(NamedTuple):
    """An event of the topic, and the stream on which it is acked."""

    event: Any
    stream: Any


class _NoTables(TableManager):
    """There are no tables. Faust's own manager waits a second at the start for some to be declared."""

    async def on_start(self) -> None:
        """Start without that second: a restart is to be quick."""
        await self._update_channels()
        await self.recovery.start()


def build_app(kafka: KafkaSettings, agent: AgentSettings) -> faust.App:
    """Return the app without its agent. Call it inside the running event loop."""
    # Faust 0.15.3 ignores App(consumer_group_instance_id=...) and reads only the environment.
    os.environ["CONSUMER_GROUP_INSTANCE_ID"] = f"{GROUP}-{agent.slot}"
    app = faust.App(
        GROUP,
        loop=asyncio.get_running_loop(),
        broker=[f"kafka://{server.strip()}" for server in kafka.bootstrap_servers.split(",")],
        broker_credentials=_credentials(kafka),
        autodiscover=False,
        web_enabled=False,
        processing_guarantee="at_least_once",
        topic_allow_declare=False,
        topic_disable_leader=True,
        broker_commit_interval=0.5,
        broker_commit_every=500,
        broker_max_poll_records=500,
        broker_session_timeout=kafka.session_timeout_seconds,
        broker_heartbeat_interval=3.0,
        broker_request_timeout=max(40.0, kafka.session_timeout_seconds),
        broker_rebalance_timeout=60.0,
        stream_wait_empty=True,
        stream_buffer_maxsize=512,
        table_standby_replicas=0,
        TableManager=_NoTables,
        # Nothing is kept on disk; Faust insists on a directory name.
        datadir=None,
    )
    if app.conf.consumer_group_instance_id != f"{GROUP}-{agent.slot}":
        raise ConfigurationError("Faust does not take CONSUMER_GROUP_INSTANCE_ID any more: a restart would stall")
    return app


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


async def work(
    intake: "asyncio.Queue[Taken]",
    producer: RecordProducer,
    view: DirectoryView,
    repetitions: Repetitions,
    messages: MessageSettings,
    brake: Brake,
) -> None:
    """Process what is in `intake`, as much at once as has come, until cancelled.

    Faust's own batching waits on a timer, which costs latency under light load and a tenth of a core when idle. This
    takes what is there. Any error is raised, and no record is acked after it. Where the brake stops, what comes before
    goes out.
    """
    while True:
        batch = [await intake.get()]
        while len(batch) < MAX_RECORDS and not intake.empty():
            batch.append(intake.get_nowait())
        records = [_record(taken.event.message) for taken in batch]
        unheld = await repetitions.unheld(records)
        caused = await _caused_by(records, unheld, view, messages)
        stop = await brake.stop(records, caused)
        if stop is not None:
            batch, caused = (
                batch[: stop.going_out],
                await _caused_by(records[: stop.going_out], unheld[: stop.going_out], view, messages),
            )
        await producer.write(caused)
        failpoint("processor.after_outputs")
        for taken in batch:
            await taken.stream.ack(taken.event)
        if stop is not None:
            raise stop.error


async def _caused_by(
    records: list[InRecord], unheld: list[Unheld], view: DirectoryView, messages: MessageSettings
) -> list[OutRecord]:
    """Return what `records` cause. A refusal stands only when it is not this view that is behind.

    Ingress may have read of a new trunk, and let its first message in, a moment before this process has.
    """

    def caused_now() -> list[OutRecord]:
        pairs = zip(records, unheld, strict=True)
        return [it for record, unsent in pairs for it in caused_by(record, view.directory, messages, unsent)]

    caused = caused_now()
    if any(output.topic == STATUS for output in caused):
        version = view.directory.version
        await view.catch_up()
        if view.directory.version != version:
            caused = caused_now()
    return caused


def _record(message: Any) -> InRecord:
    return InRecord(
        message.topic,
        message.partition,
        message.offset,
        int(message.timestamp * 1000),
        message.key,
        message.value,
        tuple(message.headers.items()) if isinstance(message.headers, dict) else tuple(message.headers or ()),
    )
