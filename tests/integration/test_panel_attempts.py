"""The panel behind `sms.callback.attempted` on a real broker: what came while it was away, and while it failed."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from agents.panel.attempts import Attempts
from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings
from schemas.identifiers import uuid7
from schemas.messages.callback import AttemptOutcome, CallbackAttempt
from schemas.record import OutRecord
from schemas.topics import CALLBACK_ATTEMPTED
from tests.unit.agents.panel.office import Office

pytestmark = pytest.mark.kafka

LIMIT_SECONDS = 30


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_410_is_acted_on_however_it_goes(catalogue: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that came while no panel ran is found; one that the broker does not let us act on is tried until it does."""
    monkeypatch.setattr("agents.panel.attempts.AGAIN_SECONDS", 0.1)
    settings, office = catalogue, Office()
    trunk_id, now = uuid7(), datetime.now(UTC)
    office.store.trunks_written_at = now - timedelta(hours=1)
    (credential,) = office.trunk.credentials
    office.add(
        office.trunk.model_copy(update={
            "id": trunk_id, "name": "Alerts", "callback_url": "https://a.example/",
            "credentials": (credential.model_copy(update={"username": uuid7()}),),
        })
    )  # fmt: skip
    attempt = CallbackAttempt(
        webhook_id="x.processing", message_id=uuid7(), trunk_id=trunk_id, attempt=1, endpoint="https://a.example",
        at=now, milliseconds=1, outcome=AttemptOutcome.GONE, status_code=410,
    )  # fmt: skip
    producer = await RecordProducer(settings, client_id="test").start()
    records = [b"not ours", attempt.to_bytes()]
    await producer.write(OutRecord(CALLBACK_ATTEMPTED, b"", value) for value in records)
    await producer.stop()

    office.store.fails = True
    tried = 0
    disable = office.operations.callbacks.disable

    async def counted(gone: CallbackAttempt) -> bool:
        nonlocal tried
        tried += gone.trunk_id == trunk_id
        return await disable(gone)

    monkeypatch.setattr(office.operations.callbacks, "disable", counted)
    attempts = Attempts(settings, office.operations.callbacks)
    await attempts.start()
    follower = asyncio.create_task(attempts.follow())
    try:
        await until(lambda: tried >= 2)
        assert office.stored(trunk_id).callback_disabled_at is None
        office.store.fails = False
        await until(lambda: office.stored(trunk_id).callback_disabled_at is not None)
    finally:
        follower.cancel()
        await asyncio.wait([follower])
        await attempts.stop()
    assert office.stored(trunk_id).callback_disabled_at == now
    assert [it.attempt for it in office.operations.callbacks.attempts.of(trunk_id)] == [1]
