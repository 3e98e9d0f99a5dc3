"""`smsout callbacks` against a real broker: what it lists, and what it writes for an agent to post again."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner, Result

from agents.commands.callbacks import app
from pipeline.errors import Refused
from pipeline.kafka.admin import topic_admin
from pipeline.kafka.producer import RecordProducer, partition_of
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings
from schemas.directory.entry import key_of
from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7
from schemas.messages.callback import AttemptOutcome, WaitingNotification
from schemas.messages.status import MessageStatus, StatusStage
from schemas.record import OutRecord
from schemas.topics import CALLBACK_ATTEMPTED, DIRECTORY, STATUS
from tests.builders import callback_attempt, credential, status, trunk

pytestmark = pytest.mark.kafka

RETRY = RetrySettings(callback_delays_seconds=(77, 88))
FIRST_TIER = "sms.callback.retry.77s"
NOW = datetime.now(UTC)


def ago(**units: float) -> datetime:
    return NOW - timedelta(**units)


def id_of(moment: datetime) -> str:
    """Return the id of a message that was accepted then."""
    time = f"{int(moment.timestamp() * 1000):012x}"
    return f"{time[:8]}-{time[8:]}{uuid7()[13:]}"


@dataclass
class Past:
    """What has happened on the shared broker, to trunks that only this module knows."""

    settings: KafkaSettings
    producer: AIOKafkaProducer
    writer: RecordProducer
    trunks: list[Trunk] = field(default_factory=list)

    async def trunk(self, **changes: Any) -> str:
        defaults: dict[str, Any] = {
            "id": uuid7(), "account_id": uuid7(), "name": "Alerts", "callback_url": "http://127.0.0.1:1/",
            "credentials": (credential(uuid7()),), "created_at": ago(days=1),
        }  # fmt: skip
        new = trunk(**defaults | changes)
        await self.writer.write([OutRecord(DIRECTORY, key_of(new), new.to_bytes())])
        self.trunks.append(new)
        return new.id

    async def status(self, trunk_id: str, at: datetime, stage: StatusStage = StatusStage.PROCESSING) -> MessageStatus:
        ended = status(message_id=id_of(at), trunk_id=trunk_id, stage=stage, accepted_at=at)
        await self._write(STATUS, ended.message_id, ended.to_bytes(), at)
        return ended

    async def attempt(self, status: MessageStatus, at: datetime, code: int | None, **more: Any) -> None:
        accepted = code is not None and code < 300
        defaults: dict[str, Any] = {
            "endpoint": "http://127.0.0.1:1", "at": at, "milliseconds": 12, "status_code": code,
            "outcome": AttemptOutcome.ACCEPTED if accepted else AttemptOutcome.FAILED,
        }  # fmt: skip
        attempt = callback_attempt(status, **defaults | more)
        await self._write(CALLBACK_ATTEMPTED, status.message_id, attempt.to_bytes(), at)

    async def _write(self, topic: str, key: str, value: bytes, at: datetime) -> None:
        partition = partition_of(topic, key.encode(), len(await self.producer.partitions_for(topic)))
        await self.producer.send_and_wait(
            topic, value, key.encode(), partition=partition, timestamp_ms=int(at.timestamp() * 1000)
        )

    async def call(self, *arguments: str, answer: str | None = None) -> Result:
        """Run the command as a shell does, in a thread: it has a loop of its own."""
        return await asyncio.to_thread(CliRunner().invoke, app, arguments, answer)

    async def waiting(self, trunk_id: str) -> list[WaitingNotification]:
        return [
            WaitingNotification.from_bytes(record.value or b"")
            async for record in read_topic(self.settings, FIRST_TIER, client_id="test")
            if record.key == trunk_id.encode()
        ]


@pytest_asyncio.fixture
async def past(catalogue: KafkaSettings, kafka: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Past]:
    monkeypatch.setenv("SMSOUT_KAFKA_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS", "77,88")
    await topic_admin.apply(catalogue, TopicSettings(partitions=2), RETRY)
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    writer = await RecordProducer(catalogue, client_id="test").start()
    past = Past(catalogue, producer, writer)
    yield past
    await writer.write(OutRecord(DIRECTORY, key_of(trunk), None) for trunk in past.trunks)
    await writer.stop()
    await producer.stop()


async def test_attempts_of_a_message_and_of_a_trunk_are_listed(past: Past) -> None:
    """One object for each attempt of what is asked for, within the time that is asked for, and no other's."""
    trunk_id = await past.trunk()
    one, other = await past.status(trunk_id, ago(hours=5)), await past.status(trunk_id, ago(hours=1))
    stranger = await past.status(await past.trunk(), ago(hours=1))
    await past.attempt(one, ago(hours=5), 503, answer="busy")
    await past.attempt(one, ago(hours=4), 200, attempt=2)
    await past.attempt(other, ago(hours=1), None, error="in-doubt: no answer")
    await past.attempt(stranger, ago(hours=1), 200)

    async def listed(*arguments: str) -> list[tuple[str, int, int | None]]:
        result = await past.call("attempts", *arguments, "--json")
        assert result.exit_code == 0, result.output
        found = [json.loads(line) for line in result.stdout.splitlines()]
        return sorted((it["message_id"], it["attempt"], it.get("status_code")) for it in found)

    first, second, third = (one.message_id, 1, 503), (one.message_id, 2, 200), (other.message_id, 1, None)
    assert await listed("--message", one.message_id) == [first, second]
    assert await listed("--trunk", trunk_id) == sorted([first, second, third])
    assert await listed("--trunk", trunk_id, "--since", "150m") == [third]
    assert await listed("--trunk", trunk_id, "--since", "6h", "--until", "270m") == [first]
    table = (await past.call("attempts", "--trunk", trunk_id)).stdout
    assert [it in table for it in ("503", "busy", "in-doubt: no answer", "http://127.0.0.1:1")] == [True] * 4


async def test_a_range_is_resent_once_it_is_confirmed(past: Past) -> None:
    """Each notification of the range comes into the first tier, due at once, as attempt 1 with the id that it had."""
    trunk_id = await past.trunk()
    early, late = await past.status(trunk_id, ago(hours=3)), await past.status(trunk_id, ago(hours=1))
    await past.status(await past.trunk(), ago(hours=1))
    refused = await past.call("resend", "--trunk", trunk_id, "--since", "2h", answer="n\n")
    assert (refused.exit_code, "Resend 1 notification?" in refused.stdout) == (1, True)
    assert await past.waiting(trunk_id) == []

    done = await past.call("resend", "--trunk", trunk_id, "--since", "2h", answer="y\n")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "1 notification resent")
    (waiting,) = await past.waiting(trunk_id)
    assert (late, 1, "resent by an operator") == (waiting.status, waiting.attempt, waiting.last_error)
    assert waiting.resent_at == waiting.due_at == waiting.first_attempt_at
    assert waiting.due_at <= datetime.now(UTC)

    done = await past.call("resend", "--trunk", trunk_id, "--since", "4h", "--until", "2h", "--yes")
    assert done.exit_code == 0
    assert [it.status.webhook_id for it in await past.waiting(trunk_id) if it.status != late] == [early.webhook_id]


async def test_only_what_failed_last_is_resent_when_asked_so(past: Past) -> None:
    """The newest attempt decides; what nobody has tried yet has not failed."""
    trunk_id = await past.trunk()
    recovered, failed, lost, untried = [await past.status(trunk_id, ago(hours=1)) for _ in range(4)]
    await past.attempt(recovered, ago(minutes=50), 500)
    await past.attempt(recovered, ago(minutes=40), 200, attempt=2)
    await past.attempt(failed, ago(minutes=50), None, error="not-sent: refused")
    await past.attempt(lost, ago(minutes=50), 200)
    await past.attempt(lost, ago(minutes=10), 410, resent_at=ago(minutes=11), outcome=AttemptOutcome.GONE)
    done = await past.call("resend", "--trunk", trunk_id, "--since", "2h", "--failed-only", "--yes")
    assert done.exit_code == 0, done.output
    assert "1 notification without any attempt" in done.stderr
    assert {failed.webhook_id, lost.webhook_id} == {it.status.webhook_id for it in await past.waiting(trunk_id)}
    done = await past.call("resend", "--message", untried.message_id, "--yes")
    assert done.stdout.splitlines()[-1] == "1 notification resent"
    assert untried in [it.status for it in await past.waiting(trunk_id)]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"callback_disabled_at": NOW}, "the endpoint answered 410 Gone"),
        ({"callback_url": None}, "no callback URL"),
        ({"deleted_at": NOW}, "no such trunk"),
    ],
)
async def test_nothing_is_resent_to_nobody(past: Past, settings: dict[str, Any], why: str) -> None:
    """A trunk without an endpoint that wants notifications is told of, by its own id and by a message's."""
    trunk_id = await past.trunk(**settings)
    status = await past.status(trunk_id, ago(minutes=5))
    result = await past.call("resend", "--trunk", trunk_id, "--since", "1h", "--yes")
    assert isinstance(result.exception, Refused)
    assert why in str(result.exception)
    result = await past.call("resend", "--message", status.message_id, "--yes")
    assert (result.exit_code, why in result.stderr) == (1, True)
    assert await past.waiting(trunk_id) == []


async def test_a_trunk_without_receipts_hears_of_none(past: Past) -> None:
    """What an endpoint would not have been told the first time, it is not told now."""
    silent, curious = await past.trunk(), await past.trunk(receipts_enabled=True)
    for trunk_id in (silent, curious):
        await past.status(trunk_id, ago(minutes=5), StatusStage.DELIVERY)
        await past.call("resend", "--trunk", trunk_id, "--since", "1h", "--yes")
    assert [len(await past.waiting(it)) for it in (silent, curious)] == [0, 1]
