"""`smsout doctor` against a real broker on which nothing runs, and against no broker."""

import asyncio
import json
import os
import sys
from typing import Final

import pytest

from agents.commands.doctor.parked import read_parked
from pipeline.kafka.admin.group_members import members_of
from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import AgentSettings, KafkaSettings
from pipeline.slot import Slot
from schemas.headers.parked import Parked, settled
from schemas.identifiers import uuid7
from schemas.record import OutRecord
from schemas.topics import MT_PARKED, SEGMENTED
from tests.builders import in_record
from tests.integration.patience import until

pytestmark = pytest.mark.kafka

DELIVERY_GROUP: Final = "sms-delivery"


async def doctor(servers: str, *arguments: str, **settings: str) -> tuple[int | None, str]:
    """Run it; return its exit code and what it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SMSOUT_")} | {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": servers,
        **settings,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", "from agents.commands.cli import main; main()", "doctor", *arguments,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_an_agent_that_does_not_run_is_named_with_what_waits_for_it(catalogue: KafkaSettings, kafka: str) -> None:
    """1, and a sentence; the same for machines with --json."""
    settings = catalogue
    producer = await RecordProducer(settings, client_id="test-doctor").start()
    await producer.write([OutRecord(SEGMENTED, b"12125550000", b"{}")])
    await producer.stop()

    async def has_nobody() -> bool:  # an agent that another test has killed is a member until its session ends
        return (await members_of(settings, [DELIVERY_GROUP], client_id="test-doctor"))[DELIVERY_GROUP] == 0

    await until(has_nobody)
    code, output = await doctor(kafka)
    assert code == 1, output
    assert "is `delivery` running?" in output
    code, output = await doctor(kafka, "--json")
    found = {it["subject"]: it for it in json.loads(output)}
    assert (code, found[DELIVERY_GROUP]["gravity"]) == (1, "stuck")


async def test_what_is_parked_is_named_with_whom_it_waits_for(catalogue: KafkaSettings, kafka: str) -> None:
    """What is done does not count any more."""
    peer = uuid7()
    records = [
        Parked(in_record(SEGMENTED, b"{}", offset=10**9 + n), peer, "flow", "account", 1 << 60, uuid7())
        for n in range(3)
    ]
    done = settled(MT_PARKED, records[0].record.coordinates)
    producer = await RecordProducer(catalogue, client_id="test-doctor").start()
    await producer.write([it.to_record(MT_PARKED) for it in records])
    await producer.write([done])
    try:
        code, output = await doctor(kafka)
        assert (code, f"{peer} (2)" in output) == (1, True), output
        parked = await read_parked(catalogue, MT_PARKED, client_id="test-doctor")
        assert (parked.peers[peer], parked.complete) == (2, True)
        assert not (await read_parked(catalogue, MT_PARKED, client_id="test-doctor", most_read=2)).complete
    finally:
        await producer.write([settled(MT_PARKED, it.record.coordinates) for it in records])
        await producer.stop()


async def test_a_broker_that_does_not_answer_is_69() -> None:
    """The line names the setting."""
    code, output = await doctor("127.0.0.1:9", SMSOUT_KAFKA_CONNECT_TIMEOUT_SECONDS="1")
    assert (code, "SMSOUT_KAFKA_BOOTSTRAP_SERVERS" in output) == (69, True)


async def test_members_of_several_groups_are_counted(catalogue: KafkaSettings, kafka: str) -> None:
    """A group with a member, and one that does not exist."""
    settings, name = catalogue, f"test.doctor-{uuid7()}"
    consumer = TrackedConsumer(
        settings, AgentSettings(), slot=Slot.take(None, name), group=name, topics=[SEGMENTED], run_ahead=10
    )
    await consumer.start()
    stopping = asyncio.Event()
    polling = asyncio.create_task(anext(consumer.batches(stopping), None))
    async with asyncio.timeout(40):
        while not consumer.joined:
            await asyncio.sleep(0.05)
        found = await members_of(settings, [name, f"{name}-none"], client_id="test-doctor")
    stopping.set()
    await polling
    await consumer.stop()
    assert found == {name: 1, f"{name}-none": 0}
