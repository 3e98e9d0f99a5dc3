"""What the panel tells of the broker, at a real one."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from pipeline.kafka.admin.broker_figures import BrokerFigures
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import AgentSettings, KafkaSettings
from pipeline.slot import Slot
from schemas.identifiers import uuid7
from schemas.record import OutRecord
from schemas.topics import DLR_RECEIVED

pytestmark = pytest.mark.kafka


def told(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def test_lag_sizes_and_disks_are_told(catalogue: KafkaSettings) -> None:
    """A group that has committed and then gets more to do, with nobody there; and where it lies."""
    group = f"sms-figures-{uuid7()}"
    producer = await RecordProducer(catalogue, client_id="test-figures").start()
    figures = asyncio.create_task(BrokerFigures(catalogue, client_id="test-figures").follow())
    try:
        await producer.write([OutRecord(DLR_RECEIVED, b"a", b"1")])
        consumer = TrackedConsumer(
            catalogue, AgentSettings(), slot=Slot.take(None, group), group=group, topics=[DLR_RECEIVED], run_ahead=10
        )
        await consumer.start()
        stopping = asyncio.Event()
        async with asyncio.timeout(30):
            async for batch in consumer.batches(stopping):
                for work in batch:
                    assert work.begin()
                    work.finish()
                stopping.set()
        await consumer.commit()
        await consumer.stop()
        await producer.write([OutRecord(DLR_RECEIVED, b"a", b"more") for _ in range(7)])
        async with asyncio.timeout(60):
            while told("smsout_group_lag_records", group=group, topic=DLR_RECEIVED) != 7:
                await asyncio.sleep(0.1)
    finally:
        figures.cancel()
        await asyncio.wait([figures])
        await producer.stop()
    assert (told("smsout_topic_bytes", topic=DLR_RECEIVED) or 0) > 0
    (free,) = [
        sample.value for family in REGISTRY.collect() for sample in family.samples
        if sample.name == "smsout_broker_disk_free_bytes"
    ]  # fmt: skip
    assert free > 0
