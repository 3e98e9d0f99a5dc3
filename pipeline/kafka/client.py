"""What every Kafka client of ours is given, and one clear error when nobody answers."""

import asyncio
import ssl
from collections.abc import Awaitable
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError, KafkaError

from pipeline.errors import BrokerUnreachable, ConfigurationError
from pipeline.kafka.fetching.guard import guard_consumers
from pipeline.settings import KafkaSettings


class Client(Protocol):
    """An aiokafka producer, consumer or admin client."""

    def start(self) -> Awaitable[None]:
        """Connect."""


def connection(kafka: KafkaSettings) -> dict[str, Any]:
    """Return the keyword arguments that any aiokafka client needs to connect; a consumer among them is guarded."""
    guard_consumers()
    arguments: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers,
        "security_protocol": kafka.security_protocol,
    }
    if kafka.security_protocol.endswith("SSL"):
        arguments["ssl_context"] = ssl.create_default_context(cafile=kafka.ssl_ca_file)
    if kafka.security_protocol.startswith("SASL"):
        if kafka.sasl_username is None or kafka.sasl_password is None:
            raise ConfigurationError(
                "SMSOUT_KAFKA_SECURITY_PROTOCOL asks for SASL: set SMSOUT_KAFKA_SASL_USERNAME and _PASSWORD"
            )
        arguments["sasl_mechanism"] = kafka.sasl_mechanism
        arguments["sasl_plain_username"] = kafka.sasl_username
        arguments["sasl_plain_password"] = kafka.sasl_password.get_secret_value()
    return arguments


def reading(kafka: KafkaSettings) -> dict[str, Any]:
    """Return the keyword arguments of a consumer that reads for itself: in no group, and nothing is committed."""
    return {**connection(kafka), "group_id": None, "enable_auto_commit": False, "retry_backoff_ms": 50}


async def start(client: Client, kafka: KafkaSettings) -> None:
    """Start `client`, trying for `connect_timeout_seconds`.

    Raises `BrokerUnreachable`, whose message names the address and the setting.
    """
    deadline = asyncio.get_running_loop().time() + kafka.connect_timeout_seconds
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                await client.start()
        except (KafkaConnectionError, TimeoutError, OSError) as error:
            if asyncio.get_running_loop().time() + 0.5 < deadline:
                await asyncio.sleep(0.5)
                continue
            raise BrokerUnreachable(
                f"no Kafka broker answers at {kafka.bootstrap_servers} (SMSOUT_KAFKA_BOOTSTRAP_SERVERS): {error}"
            ) from error
        except KafkaError as error:
            raise BrokerUnreachable(
                f"the Kafka broker at {kafka.bootstrap_servers} (SMSOUT_KAFKA_BOOTSTRAP_SERVERS) refuses us: {error!r}"
            ) from error
        else:
            return


async def stop(consumer: AIOKafkaConsumer) -> None:
    """Stop `consumer`, also one that has just lost its broker.

    aiokafka's own stop (0.14) awaits the fetches that it has cancelled. One that pauses after an error ends there in a
    `CancelledError` that passes for a cancellation of the caller, and the connections stay open.
    """
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        await consumer._client.close()  # noqa: SLF001  # the step that its stop did not come to
