"""The disk on which an agent keeps something is full: words that say so, nothing lost, and it goes on with room."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from schemas.directory.carrier import InDoubtPolicy
from schemas.identifiers import uuid7
from schemas.topics import DLR_RECEIVED, SUBMITTED
from tests.arena.arena import Arena, NotAnswered, Sent
from tests.arena.life import Life
from tests.brokers import running_broker
from tests.builders import submission
from tests.crash.oracle import Oracle
from tests.crash.rows.scheduled import judged
from tests.tiny_disk import TinyDisk, tiny_disk

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

UNAVAILABLE: Final = 69
MANY: Final = 300
"""Messages: with their texts more than an agent that keeps little in memory has on a tiny disk."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def arena(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Arena]:
    folder = tmp_path_factory.mktemp("disks")
    with running_broker(folder) as broker:
        arena = await Arena(broker, folder).start()
        yield arena
        await arena.stop()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[TinyDisk]:
    with tiny_disk(tmp_path / "tiny") as disk:
        yield disk


async def send_many(arena: Arena, *, curious: bool = False, send_at: datetime | None = None) -> list[Sent]:
    """Have a producer send as many messages as do not fit."""
    trunk = arena.world.curious if curious else arena.world.trunk
    sent: list[Sent] = []
    for _ in range(MANY):
        destination, identity = arena.number(), uuid7()
        text = "0123456789" * 30
        asked = submission(destination, id=identity, trunk_id=trunk.id, content=text, send_at=send_at)
        await arena.produce(SUBMITTED, asked.to_bytes(), key=trunk.id.encode())
        sent.append(Sent(identity, destination, 2, InDoubtPolicy.RESEND_WITH_KEY, trunk))
    return sent


def said(arena: Arena, name: str, event: str) -> list[dict[str, Any]]:
    """Return what the present life of an agent has logged under a name."""
    lines = arena.processes[name].log_file.read_text().splitlines()
    return [found for line in lines if f'"event": "{event}"' in line for found in [json.loads(line)]]


async def ends_for_want_of_room(arena: Arena, name: str, disk: TinyDisk) -> None:
    """An agent ends, and so does the next life of it; both say which disk it is, and what is to be done."""
    for again in (True, False):
        assert await arena.processes[name].ended() == UNAVAILABLE
        (words,) = said(arena, name, "disk_full")
        assert (words["level"], words["error"].startswith(f"{disk.folder} has no room for ")) == ("critical", True)
        assert "make room there; nothing is lost" in words["do"]
        if again:
            arena.restart(name)


def in_need(disk: TinyDisk) -> Life:
    """Return a life that keeps on a tiny disk what waits."""
    return Life(variant="keeps_little_in_memory", settings={"SQLITE_TMPDIR": str(disk.folder)})


async def test_delivery_has_no_room_for_what_waits_for_its_carrier(arena: Arena, disk: TinyDisk) -> None:
    """With room, and a carrier, every message goes out, once."""
    await arena.stand(delivery=in_need(disk))
    await arena.set_fault("carrier", status=503)
    disk.fill(leave_bytes=80_000)
    sent = await send_many(arena)
    await ends_for_want_of_room(arena, "delivery", disk)
    await arena.clear_fault("carrier")
    disk.clear()
    arena.restart("delivery")
    await Oracle(arena, sent).judge()


async def test_the_scheduler_has_no_room_for_what_waits_for_its_time(arena: Arena, disk: TinyDisk) -> None:
    """With room it goes on from its file, or reads anew without one; what was due meanwhile leaves then, once."""
    await arena.stand(scheduler=Life(settings={"SMSOUT_STATE_DIR": str(disk.folder)}))
    disk.fill(leave_bytes=80_000)
    sent = await send_many(arena, send_at=datetime.now(UTC) + timedelta(seconds=15))
    await ends_for_want_of_room(arena, "scheduler", disk)
    for it in disk.folder.glob("scheduled-*"):
        it.unlink()
    disk.fill()
    arena.restart("scheduler")
    await ends_for_want_of_room(arena, "scheduler", disk)
    disk.clear()
    arena.restart("scheduler")
    await judged(arena, sent)


async def test_callback_has_no_room_for_what_waits_for_its_endpoint(arena: Arena, disk: TinyDisk) -> None:
    """With room, and an endpoint, every callback comes."""
    await arena.stand(callback=in_need(disk))
    await arena.set_fault("inbox/main", status=503)
    disk.fill(leave_bytes=80_000)
    sent = await send_many(arena)
    await ends_for_want_of_room(arena, "callback", disk)
    await arena.clear_fault("inbox/main")
    disk.clear()
    arena.restart("callback")
    await Oracle(arena, sent, attempts_repeat=True).judge()


async def test_receipts_has_no_room_for_what_it_remembers(arena: Arena, disk: TinyDisk) -> None:
    """With room every message has one end: what was remembered is in a topic, too."""
    await arena.stand(receipts=in_need(disk))
    disk.fill(leave_bytes=80_000)
    async with arena.receipts_after(15_000):
        sent = await send_many(arena, curious=True)
        await ends_for_want_of_room(arena, "receipts", disk)
        disk.clear()
        arena.restart("receipts")
        async with asyncio.timeout(60):
            while sum(1 for _ in arena.topics.records(DLR_RECEIVED)) < 2 * MANY:
                await asyncio.sleep(0.2)
                await arena.topics.catch_up()
    await Oracle(arena, sent, attempts_repeat=True).judge(120)


async def test_ingress_goes_on_without_keys(arena: Arena, disk: TinyDisk) -> None:
    """What has no key is taken, also by a life that begins on a full disk; what has one, when there is room again."""
    life = Life(settings={"SMSOUT_STATE_DIR": str(disk.folder)})
    await arena.stand(ingress=life)
    sent = [await arena.send(key="before")]
    for _ in range(2):
        disk.fill()
        sent.append(await arena.send())
        await arena.processes["ingress"].kill()
        for it in disk.folder.glob("idempotency-*"):
            it.unlink()
        disk.fill()
        arena.restart("ingress")
        await arena.processes["ingress"].ready(arena.http)
    with pytest.raises(NotAnswered, match=r"cannot be taken right now|not confirmed in time"):
        await fill_up_with_keys(arena, sent)
    (words, *_) = said(arena, "ingress", "idempotency_keys_unknown")
    assert f"{disk.folder} has no room for the Idempotency-Keys" in words["error"]
    sent.append(await arena.send())
    disk.clear()
    repeated = await arena.send(key="before", destination=sent[0].destination)
    assert repeated.id == sent[0].id
    await Oracle(arena, sent).judge()


async def fill_up_with_keys(arena: Arena, sent: list[Sent]) -> None:
    """Send messages with keys until one is not taken."""
    for number in range(2000):
        destination = arena.number()
        identity = await arena.post(destination, "Hello", key=f"key {number} {uuid7()}")
        sent.append(Sent(identity, destination, 1, InDoubtPolicy.RESEND_WITH_KEY, arena.world.trunk))


async def test_the_processor_ends_and_goes_on_where_it_was(arena: Arena, disk: TinyDisk) -> None:
    """It must know keys to tell repetitions, so it takes nothing until it has room for them."""
    await arena.stand(processor=Life(settings={"SMSOUT_STATE_DIR": str(disk.folder)}))
    await arena.processes["processor"].kill()
    for it in disk.folder.glob("idempotency-*"):
        it.unlink()
    disk.fill()
    arena.restart("processor")
    sent = [await arena.send(key=f"{uuid7()}") for _ in range(5)]
    await ends_for_want_of_room(arena, "processor", disk)
    disk.clear()
    arena.restart("processor")
    await Oracle(arena, sent).judge()


async def test_the_message_log_stops_where_it_is_and_catches_up(arena: Arena, disk: TinyDisk) -> None:
    """Its words name the database's disk; with room it has everything."""
    file = disk.folder / "log.sqlite"
    settings = {"SMSOUT_DATABASE_URL": f"sqlite:///{file}", "SMSOUT_MESSAGE_LOG_PORT": "0"}
    await arena.stand(message_log=Life(settings=settings))
    disk.fill(leave_bytes=50_000)
    sent = await send_many(arena)
    for again in (True, False):
        assert await arena.processes["message_log"].ended() == UNAVAILABLE
        (words,) = said(arena, "message_log", "message_log_unavailable")
        assert "make room there; nothing is lost" in words["error"]
        if again:
            arena.restart("message_log")
    disk.clear()
    arena.restart("message_log")
    await Oracle(arena, sent).judge()
    wanted = {it.id for it in sent}
    async with asyncio.timeout(60):
        while not wanted <= logged(file):
            await asyncio.sleep(0.1)


def logged(file: Path) -> set[str]:
    """Return the ids of the messages that a log has."""
    with sqlite3.connect(file) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        days = [it for it in tables if it.startswith("message") and it[-1].isdigit()]
        return {str(identity) for it in days for (identity,) in database.execute(f"SELECT id FROM {it}")}  # noqa: S608


async def test_the_panel_needs_no_room(arena: Arena, disk: TinyDisk) -> None:
    """It starts and works on a full disk: what it keeps is in topics."""
    life = Life(settings={"SMSOUT_STATE_DIR": str(disk.folder), "SMSOUT_PANEL_PUBLIC_URL": arena.panel_url})
    await arena.stand(panel=life)
    await arena.processes["panel"].kill()
    disk.fill()
    arena.restart("panel")
    await arena.processes["panel"].ready(arena.http)
    async with arena.http.get(f"{arena.panel_url}/login") as answer:
        assert answer.status == 200


async def test_a_slot_that_cannot_be_written_down_is_held_all_the_same(arena: Arena, disk: TinyDisk) -> None:
    """Its lock needs no room; only an identity that outlives the process does."""
    await arena.stand()
    disk.fill()
    arena.start_beside("delivery_1", Life(settings={"SMSOUT_STATE_DIR": str(disk.folder / "new")}))
    await arena.processes["delivery_1"].ready(arena.http)
    assert arena.processes["delivery_1"].exit_code is None
    (words,) = said(arena, "delivery_1", "slot_not_written")
    assert "No space left on device" in words["error"]
