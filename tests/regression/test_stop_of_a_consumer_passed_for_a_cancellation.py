"""A consumer was stopped while its broker was away, and its owner ended as if somebody had cancelled it.

aiokafka's stop cancels and awaits its fetches; one that pauses after an error ends in a `CancelledError` there. The
connections stayed open, and a request that had read a topic was cut off instead of answered.
"""

import asyncio
from contextlib import suppress
from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher

from pipeline.kafka.client import stop


class Pausing:
    """A fetcher of a consumer that has lost its broker: aiokafka's own close, with a fetch that pauses."""

    def __init__(self) -> None:
        self._fetch_task = asyncio.create_task(asyncio.sleep(0))
        self._fetch_waiters: set[object] = set()
        self._pending_tasks = {asyncio.create_task(asyncio.sleep(60))}

    async def close(self) -> None:
        await Fetcher.close(self)


class Connections:
    """Stands for the consumer's client, and takes a moment to close."""

    def __init__(self) -> None:
        self.closed = False

    async def close(self) -> None:
        await asyncio.sleep(0.01)
        self.closed = True


def consumer_without_its_broker() -> tuple[AIOKafkaConsumer, Connections]:
    consumer, connections = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1"), Connections()
    consumer._coordinator = SimpleNamespace(close=lambda: asyncio.sleep(0))
    consumer._fetcher, consumer._client = Pausing(), connections
    return consumer, connections


async def test_stopping_it_closes_the_connections_and_cancels_nobody() -> None:
    consumer, connections = consumer_without_its_broker()
    await asyncio.sleep(0)
    await stop(consumer)
    assert connections.closed


async def test_a_real_cancellation_stays_one() -> None:
    consumer, _ = consumer_without_its_broker()
    stopping = asyncio.create_task(stop(consumer))
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    for task in consumer._fetcher._pending_tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
