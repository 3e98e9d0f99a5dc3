"""The Faust app, kept inside the envelope in which Faust loses nothing.

Faust acks a record whose agent raised, forgets failed sends and may commit past a hole when acks come out of order.
So: raw bytes in, one agent with concurrency 1, `noack_take` with acks in offset order, every output acknowledged by
the broker through our own producer before the input is acked, and any error ends the process. No tables, no web
server, no autodiscovery; names are given. See docs/reliability.md.
"""

import asyncio
import os
import ssl
from typing import Any, Final

import faust

from agents.processor.records import SubmittedRecord, caused_by
from pipeline.directory import Directory
from pipeline.errors import ConfigurationError
from pipeline.failpoints import failpoint
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import AgentSettings, KafkaSettings, MessageSettings
from schemas.topics import SUBMITTED

GROUP: Final = "sms-processor"

MAX_RECORDS: Final = 32  # per take; a record may hold 1000 submissions
TAKE_WITHIN_SECONDS: Final = 0.005  # how long an idle take waits: this much latency, and 200 wake-ups a second


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


def add_agent(
    app: faust.App,
    producer: RecordProducer,
    directory: Directory,
    messages: MessageSettings,
    failure: asyncio.Future[None],
) -> None:
    """Bind the one agent to `app`. An unexpected error goes to `failure`, and no record is acked after it."""
    topic = app.topic(
        SUBMITTED, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", internal=False
    )

    async def route(stream: Any) -> None:
        try:
            async for events in stream.noack_take(MAX_RECORDS, within=TAKE_WITHIN_SECONDS):
                outputs = [
                    output for event in events for output in caused_by(_record(event.message), directory, messages)
                ]
                await producer.write(outputs)
                failpoint("processor.after_outputs")
                for event in events:
                    await stream.ack(event)
        except Exception as error:  # noqa: BLE001  # handed to the process, which ends
            if not failure.done():
                failure.set_exception(error)
            # Returning or raising would let Faust ack what has not been processed.
            await asyncio.Event().wait()

    app.agent(topic, name="processor", concurrency=1)(route)


def _record(message: Any) -> SubmittedRecord:
    return SubmittedRecord(
        message.topic,
        message.partition,
        message.offset,
        int(message.timestamp * 1000),
        message.key,
        message.value,
        tuple(message.headers.items()) if isinstance(message.headers, dict) else tuple(message.headers or ()),
    )
