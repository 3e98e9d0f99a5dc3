"""Single, bulk and topic messages at once: every segment at the carrier exactly once, every callback in the inbox."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from schemas.identifiers import uuid7
from tests.e2e.customer import Customer

pytestmark = pytest.mark.e2e

SINGLES = 2000
BULKS = 3
BULK_SIZE = 1000
PRODUCED = 2000
LONG = "0123456789" * 20  # two segments
SHORT = "Hello"


def number(index: int) -> str:
    return f"1212555{index:04d}"


def text(index: int) -> str:
    return LONG if index % 10 == 0 else SHORT


async def send_singles(customer: Customer) -> dict[str, int]:
    """Send from 64 clients at once; return the segments that each message id must have."""
    expected: dict[str, int] = {}
    indexes = iter(range(SINGLES))

    async def client() -> None:
        for index in indexes:
            expected[await customer.send(number(index), text(index))] = 2 if text(index) is LONG else 1

    await asyncio.gather(*(client() for _ in range(64)))
    return expected


async def send_bulks(customer: Customer) -> dict[str, int]:
    expected: dict[str, int] = {}
    for bulk in range(BULKS):
        ids = await customer.send_bulk([number(index) for index in range(BULK_SIZE)], text(bulk))
        assert list(ids) == [number(index) for index in range(BULK_SIZE)]
        expected |= dict.fromkeys(ids.values(), 2 if text(bulk) is LONG else 1)
    return expected


async def produce(ready: dict[str, Any]) -> dict[str, int]:
    """Publish to the topic as a direct producer would: arrays of submissions, each with an id of its own."""
    expected: dict[str, int] = {}
    producer = AIOKafkaProducer(bootstrap_servers=ready["bootstrap_servers"], enable_idempotence=True)
    await producer.start()
    try:
        for start in range(0, PRODUCED, 50):
            submissions = []
            for index in range(start, start + 50):
                identity = uuid7()
                expected[identity] = 2 if text(index) is LONG else 1
                submissions.append(
                    {
                        "id": identity,
                        "trunk_id": ready["trunk"]["id"],
                        "source": "12125551235",
                        "content": text(index),
                        "destinations": [{"address": number(index)}],
                    }
                )
            await producer.send_and_wait(
                "sms.mt.submitted", json.dumps(submissions).encode(), key=ready["trunk"]["id"].encode()
            )
    finally:
        await producer.stop()
    return expected


async def test_mixed_load_arrives_exactly_once(demo_system: dict[str, Any]) -> None:
    """2,000 single, 3 bulk of 1,000 and 2,000 produced messages: nothing missing, nothing twice, all called back."""
    async with Customer(demo_system) as customer:
        await customer.delete("/carrier/ledger")
        await customer.delete("/inbox/demo")
        parts = await asyncio.gather(send_singles(customer), send_bulks(customer), produce(demo_system))
        expected = parts[0] | parts[1] | parts[2]
        assert len(expected) == SINGLES + BULKS * BULK_SIZE + PRODUCED
        segments = {f"{message}:{n}" for message, count in expected.items() for n in range(1, count + 1)}
        await customer.wait_for("/inbox/demo/count", lambda count: count["count"] >= len(expected), limit_seconds=180)
        ledger, inbox = await customer.ledger(), await customer.inbox()
        assert Counter(it["idempotency_key"] for it in ledger) == Counter(segments)
        bodies = [customer.verified(callback)["data"] for callback in inbox]
        assert Counter(body["id"] for body in bodies) == Counter(expected.keys())
        assert {body["attributes"]["status"] for body in bodies} == {"Success"}
        assert {body["id"]: body["attributes"]["fragments_sent"] for body in bodies} == expected
        in_order: dict[str, list[str]] = {}
        for entry in ledger:
            in_order.setdefault(entry["message_id"], []).append(entry["segment_id"])
        assert [ids for ids in in_order.values() if ids != sorted(ids)] == []
