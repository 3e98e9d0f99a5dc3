"""A processor whose stream has stopped ends by what the broker says, so that its supervisor starts it anew."""

import asyncio
import os
import sys

import pytest

from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings
from schemas.record import OutRecord
from schemas.topics import SUBMITTED

pytestmark = pytest.mark.kafka

LIMIT_SECONDS = 60

STREAM_STOPS = """
import asyncio
from agents.processor import __main__ as processor

class Nowhere:
    async def put(self, taken):
        await asyncio.Event().wait()

add_agent = processor.add_agent
processor.add_agent = lambda app, intake: add_agent(app, Nowhere())
processor.main()
"""


async def test_a_processor_whose_stream_has_stopped_exits_with_70(catalogue: KafkaSettings, kafka: str) -> None:
    """Faust itself would go on for ever: it polls, it heartbeats, and it does nothing."""
    settings = catalogue
    producer = await RecordProducer(settings, client_id="test-watchdog").start()
    await producer.write([OutRecord(SUBMITTED, b"nobody", b"no submission")])
    await producer.stop()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SMSOUT_")} | {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "SMSOUT_WATCHDOG_SECONDS": "3",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STREAM_STOPS, env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 70, output.decode()
    assert b'"code": "stuck"' in output
    assert b"records wait for sms-processor" in output
