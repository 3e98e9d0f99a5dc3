"""One number is sent more than goes to it one after the other: what others' messages notice of it.

The shape of what `make bench` measures (tests/bench/scenarios/flood.py).
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

import pytest

from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings
from schemas.directory.carrier import Carrier
from schemas.directory.entry import key_of
from schemas.identifiers import uuid7
from schemas.messages.mt_message import MtMessage, Segment
from schemas.record import OutRecord
from schemas.topics import DIRECTORY, SEGMENTED
from tests.brokers import running_broker
from tests.builders import carrier, message
from tests.fakes.peer import Manner, Peer, peer
from tests.installation import install
from tests.integration.agent_process import agent_process
from tests.integration.patience import until

pytestmark = pytest.mark.kafka

FLOOD: Final = 8000  # twice what waits in memory, over all
ANSWER_SECONDS: Final = 0.02  # so the number needs three minutes and more
PROBES: Final = 30  # of each kind
EACH_SECONDS: Final = 0.1
MEDIAN_SECONDS: Final = 3.0
SLOWEST_SECONDS: Final = 10.0
STILL_WAITING: Final = FLOOD // 2
ENOUGH: Final = 250  # POSTs, to see the order of what has waited on disk

FLOODED: Final = "15550000000"
FLOODER, OTHER = (uuid7(), uuid7()), (uuid7(), uuid7())
"""Trunk and account."""


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[str]:
    """A broker of its own: thousands of messages stay on it."""
    with running_broker(tmp_path) as broker:
        yield broker.bootstrap_servers


def new_message(of: Carrier, sender: tuple[str, str], destination: str, text: str) -> MtMessage:
    return message(
        (Segment(seqnum=1, text=text),), id=uuid7(), trunk_id=sender[0], account_id=sender[1], destination=destination,
        carrier_id=of.id, accepted_at=datetime.now(UTC),
    )  # fmt: skip


async def write(producer: RecordProducer, messages: Sequence[MtMessage]) -> None:
    await producer.write([OutRecord(SEGMENTED, it.destination.encode(), it.to_bytes()) for it in messages])


async def probe(producer: RecordProducer, of: Carrier, there: Peer) -> tuple[list[float], list[float]]:
    """Send to other numbers, with both trunks in turns; return how long the other trunk's and the flooder's took."""
    numbers = {OTHER: range(1, 1 + PROBES), FLOODER: range(1001, 1001 + PROBES)}
    began: dict[str, float] = {}
    for pair in zip(*numbers.values(), strict=True):
        messages = [
            new_message(of, sender, f"1555{number:07d}", "probe") for sender, number in zip(numbers, pair, strict=True)
        ]
        began |= dict.fromkeys((it.destination for it in messages), time.monotonic())
        await write(producer, messages)
        await asyncio.sleep(EACH_SECONDS)

    async def all_came() -> bool:
        return began.keys() <= {it.destination for it in there.arrivals}

    await until(all_came)
    came = {it.destination: it.at for it in there.arrivals}
    other, own = ([came[f"1555{it:07d}"] - began[f"1555{it:07d}"] for it in kind] for kind in numbers.values())
    return other, own


async def test_a_flooded_number_delays_no_other(own_kafka: str, tmp_path: Path) -> None:
    """Neither another trunk's messages through the same carrier nor the same trunk's to others; and it stays in order.

    All of them lie behind thousands that wait for each other.
    """
    kafka = KafkaSettings(bootstrap_servers=own_kafka)
    await install(kafka, 2)
    producer = await RecordProducer(kafka, client_id="test").start()
    try:
        async with peer() as there:
            there.manners["/"] = Manner(seconds=ANSWER_SECONDS)
            ours = carrier(id=uuid7(), name="one after the other", url=there.url("/carrier"))
            await producer.write([OutRecord(DIRECTORY, key_of(ours), ours.to_bytes())])
            settings = {"SMSOUT_KAFKA_BOOTSTRAP_SERVERS": own_kafka}
            async with agent_process("delivery", tmp_path / "delivery.log", settings) as agent:
                await agent.until_ready()
                await write(producer, [new_message(ours, FLOODER, FLOODED, str(n)) for n in range(FLOOD)])
                other, own = await probe(producer, ours, there)
                flooded = [int(it.text) for it in there.arrivals if it.destination == FLOODED]
                print(f"other {median(other):.2f} s, at most {max(other):.2f} s; own {median(own):.2f} s, "
                      f"at most {max(own):.2f} s; {len(flooded)} of the flood by then")  # fmt: skip
                assert FLOOD - len(flooded) >= STILL_WAITING
                assert median(other) <= MEDIAN_SECONDS
                assert max(other) <= SLOWEST_SECONDS
                assert median(own) <= MEDIAN_SECONDS
                assert max(own) <= SLOWEST_SECONDS

                async def some_of_what_waits_on_disk_came() -> bool:
                    return len(there.arrivals) >= ENOUGH

                await until(some_of_what_waits_on_disk_came)
            flooded = [int(it.text) for it in there.arrivals if it.destination == FLOODED]
            assert flooded == list(range(len(flooded)))
    finally:
        await producer.stop()
