"""Somebody puts the clock an hour forward or back while everything runs: nothing is lost, and it goes on."""

import asyncio
import json
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio
from standardwebhooks import Webhook, WebhookVerificationError

from schemas.directory.carrier import InDoubtPolicy
from schemas.topics import DLR_RECEIVED
from tests.arena.arena import AGENTS, LONG, Arena, Sent
from tests.arena.life import Life
from tests.brokers import running_broker
from tests.crash import oracle
from tests.wall_clock import WallClock

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

HOUR: Final = 3600
EVERYBODY: Final = (*AGENTS, "receipts", "message_log", "panel")


class Place(NamedTuple):
    """An arena whose agents and whose broker go by clocks of their own."""

    arena: Arena
    of_agents: WallClock
    of_broker: WallClock


class AtItsOwnTime:
    """Verifies a signature by the time that it names: the wrong one is what the test is about."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)

    def verify(self, body: str, headers: dict[str, str]) -> Any:
        at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        if self._webhook.sign(headers["webhook-id"], at, body) not in headers["webhook-signature"].split():
            raise WebhookVerificationError("another signature")
        return json.loads(body)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    folder = tmp_path_factory.mktemp("clocks")
    of_agents, of_broker = WallClock(folder, "agents"), WallClock(folder, "broker")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in of_broker.settings.items():
            patch.setenv(name, value)
        running = running_broker(folder)
        broker = running.__enter__()
    try:
        arena = await Arena(broker, folder).start()
        yield Place(arena, of_agents, of_broker)
        await arena.stop()
    finally:
        running.__exit__(None, None, None)


async def some(arena: Arena) -> list[Sent]:
    """Send messages of every kind: to each carrier, of two segments, with and without receipts."""
    sent = [await arena.send(policy) for policy in InDoubtPolicy]
    sent += [await arena.send(text=LONG, trunk=arena.world.curious) for _ in range(3)]
    return sent


async def receipts_are_in(arena: Arena, sent: Sequence[Sent]) -> bool:
    """Tell whether the carrier has reported every segment of which somebody wants to know."""
    await arena.topics.catch_up()
    told = Counter((it.key or b"").decode() for it in arena.topics.records(DLR_RECEIVED))
    return all(told[it.id] >= it.segments for it in sent if it.trunk.trunk.receipts_enabled)


@pytest.mark.parametrize("whose", ["agents", "machine"])
@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
async def test_a_step_of_an_hour_loses_nothing(
    place: Place, whose: str, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits in tiers, for its carrier, its endpoint or its receipts, and what comes meanwhile: each ends once.

    A repeated key is the same message on both sides of the step, callbacks are signed with the time that the machine
    has, and the log of each agent says that its clock was stepped.
    """
    monkeypatch.setattr(oracle, "Webhook", AtItsOwnTime)
    arena, clocks = place.arena, [place.of_agents] if whose == "agents" else [place.of_agents, place.of_broker]
    file = arena.folder / "log.sqlite"
    more = {
        "panel": {"SMSOUT_PANEL_PUBLIC_URL": arena.panel_url},
        "message_log": {"SMSOUT_DATABASE_URL": f"sqlite:///{file}", "SMSOUT_MESSAGE_LOG_PORT": "0"},
    }
    await arena.stand(**{it: Life(settings={**place.of_agents.settings, **more.get(it, {})}) for it in EVERYBODY})
    key = f"{whose} {step}"
    sent = [await arena.send(key=key), *await some(arena)]
    async with arena.receipts_after(8_000):
        sent += await some(arena)
    await arena.set_fault("carrier", status=503, remaining=8)
    await arena.set_fault("inbox/main", status=503, remaining=4)
    sent += await some(arena)
    for it in clocks:
        it.put(step)
    sent += await some(arena)
    again = await arena.send(key=key, destination=sent[0].destination)
    assert again.id == sent[0].id
    await asyncio.sleep(5)
    sent += await some(arena)
    ends = {name: it.exit_code for name, it in arena.processes.items() if it.exit_code is not None}
    stepped = {name for name in EVERYBODY if "clock_stepped" in arena.processes[name].log_file.read_text()}
    for it in clocks:
        it.put(0)
    sent += await some(arena)
    again = await arena.send(key=key, destination=sent[0].destination)
    assert again.id == sent[0].id
    began = time.monotonic()
    async with asyncio.timeout(60):
        while not await receipts_are_in(arena, sent):
            await asyncio.sleep(0.2)
    judged = await oracle.Oracle(arena, sent, attempts_repeat=True).judge(90)
    assert time.monotonic() - began < 60, "something waits for the clock"
    assert not any(judged.end_of(it).status != "Success" for it in sent)
    assert (ends, stepped) == ({}, set(EVERYBODY))
    told = [it for callbacks in judged.callbacks.values() for it in callbacks]
    at = {round((int(it["headers"]["webhook-timestamp"]) - time.time()) / HOUR) for it in told}
    assert at == {0, step // HOUR}
    async with asyncio.timeout(60):
        while not {it.id for it in sent} <= logged(str(file)):
            await asyncio.sleep(0.1)


def logged(file: str) -> set[str]:
    """Return the ids of the messages that a log has."""
    with sqlite3.connect(file) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        days = [it for it in tables if it.startswith("message") and it[-1].isdigit()]
        return {str(identity) for it in days for (identity,) in database.execute(f"SELECT id FROM {it}")}  # noqa: S608
