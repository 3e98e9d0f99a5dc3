"""`smsout offsets` against a real broker."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from agents.commands.offsets import app
from pipeline.kafka.admin import topic_admin
from pipeline.kafka.admin.group_offsets import group_offsets
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings
from schemas.record import OutRecord

pytestmark = pytest.mark.kafka

TIERS = ("sms.callback.retry.66s", "sms.callback.retry.67s")
GROUP = "sms-callback-retry"


@pytest_asyncio.fixture
async def tiers(catalogue: KafkaSettings, kafka: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KafkaSettings]:
    """Two tiers of our own, with three records each, in a group that nobody is in."""
    monkeypatch.setenv("SMSOUT_KAFKA_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS", "66,67")
    await topic_admin.apply(catalogue, TopicSettings(partitions=2), RetrySettings(callback_delays_seconds=(66, 67)))
    producer = await RecordProducer(catalogue, client_id="test-offsets").start()
    await producer.write(OutRecord(topic, None, b"x", partition=1) for topic in TIERS for _ in range(3))
    await producer.stop()
    yield catalogue


async def run(*arguments: str, answer: str | None = None) -> Result:
    """Run the command as a shell does, in a thread: it has a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, arguments, answer)


async def committed(kafka: KafkaSettings) -> set[tuple[str, int, int | None]]:
    found = await group_offsets(kafka, GROUP, TIERS, client_id="test-offsets")
    return {(place.topic, place.partition, it.committed) for place, it in found.items() if place.partition == 1}


async def test_a_group_is_set_to_the_end_and_back(tiers: KafkaSettings) -> None:
    """What is set is said first, and asked for; one topic alone can be meant."""
    first, second = TIERS
    result = await run("set", GROUP, "--to", "end", answer="n\n")
    assert (result.exit_code, "nothing was set" in result.output) == (1, True)
    result = await run("set", GROUP, "--to", "end", "--topic", second, "--yes")
    assert result.exit_code == 0, result.output
    assert "0 offsets will be read again, 3 will be passed over" in result.output
    assert (second, 1, 3) in await committed(tiers)
    result = await run("set", GROUP, "--to", "beginning", "--yes")
    assert "3 offsets will be read again" in result.output
    assert await committed(tiers) == {(first, 1, 0), (second, 1, 0)}
    await run("set", GROUP, "--to", "1h", "--yes")
    assert await committed(tiers) == {(first, 1, 0), (second, 1, 0)}
    listed = (await run("list", GROUP)).output.splitlines()
    assert any(line.split() == [GROUP, second, "1", "0", "0", "3"] for line in listed)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("set", "sms-nobody", "--to", "end"), "there is no group sms-nobody"),
        (("set", GROUP, "--to", "end", "--topic", "sms.mt.status"), "not sms.mt.status"),
        (("set", GROUP, "--to", "yesterday"), "--to takes"),
        (("list", "sms-nobody"), "there is no group"),
    ],
)
async def test_what_makes_no_sense_is_refused(tiers: KafkaSettings, arguments: tuple[str, ...], said: str) -> None:
    """In words, with the code of a usage error."""
    result = await run(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
