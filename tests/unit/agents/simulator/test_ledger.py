import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path

import pytest

from agents.simulator.ledger import Ledger
from agents.simulator.settings import SimulatorSettings
from pipeline.errors import ConfigurationError
from tests.unit.agents.simulator.clients import get, running, send


async def test_an_entry_is_synced_to_disk_before_its_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the 202 is read, an fsync has covered the entry's line."""
    file = tmp_path / "ledger"
    synced = b""

    def fsync(descriptor: int) -> None:
        nonlocal synced
        synced = file.read_bytes()

    monkeypatch.setattr(os, "fsync", fsync)
    async with running(SimulatorSettings(ledger_file=file)) as client:
        for number in range(1, 4):
            status, _ = await send(client, f"key-{number}")
            assert status == 202
            assert number == json.loads(synced.splitlines()[-1])["n"]
        assert [json.loads(line) for line in synced.splitlines()] == await get(client, "/carrier/ledger")


async def test_entries_of_one_moment_share_an_fsync_and_keep_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 callers at once need far fewer than 100 fsyncs."""
    syncs: list[int] = []
    monkeypatch.setattr(os, "fsync", syncs.append)
    ledger = Ledger(10**6, tmp_path / "ledger")
    writer = asyncio.create_task(ledger.run())
    await asyncio.gather(*(ledger.add(lambda n: b"%d" % n) for _ in range(100)))
    writer.cancel()
    with suppress(asyncio.CancelledError):
        await writer
    ledger.close()
    assert [b"%d" % n for n in range(1, 101)] == (tmp_path / "ledger").read_bytes().splitlines()
    assert len(syncs) <= 2


async def test_a_restart_reads_the_file_back_and_drops_a_half_written_line(tmp_path: Path) -> None:
    """What a crash cut off was never answered, and must not run into the next entry."""
    file = tmp_path / "ledger"
    async with running(SimulatorSettings(ledger_file=file)) as client:
        await send(client, "first")
        (_, before) = await send(client, "second")
    with file.open("ab") as half:
        half.write(b'{"n": 3, "idempotency_key": "th')
    async with running(SimulatorSettings(ledger_file=file)) as client:
        assert [it["idempotency_key"] for it in await get(client, "/carrier/ledger")] == ["first", "second"]
        assert (202, before) == await send(client, "second")
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(it["n"], it["idempotency_key"]) for it in entries] == [(1, "first"), (2, "second"), (3, "second")]


async def test_emptying_empties_the_file_too(tmp_path: Path) -> None:
    """Entries that were deleted do not come back with a restart."""
    file = tmp_path / "ledger"
    async with running(SimulatorSettings(ledger_file=file)) as client:
        await send(client)
        async with client.delete("/carrier/ledger"):
            pass
        assert file.read_bytes() == b""
        await send(client)
    assert [json.loads(line)["n"] for line in file.read_text().splitlines()] == [1]


async def test_memory_is_bounded_and_the_numbers_go_on() -> None:
    """The oldest go; count and `since` mean the same as before."""
    ledger = Ledger(max_kept_bytes=30)
    for _ in range(100):
        await ledger.add(lambda n: b"%010d" % n)
    assert ledger.entries.count == 100
    assert ledger.entries.listing()[1:-1].split(b",\n") == [b"0000000098", b"0000000099", b"0000000100"]
    assert ledger.entries.listing(99) == b"[0000000100]"
    assert ledger.entries.kept_bytes == 30


async def test_a_disk_that_fails_ends_the_writer_and_nothing_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that is not safe is no entry: the caller gets the error, the process ends."""

    def fsync(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    ledger = Ledger(10**6, tmp_path / "ledger")
    monkeypatch.setattr(os, "fsync", fsync)
    writer = asyncio.create_task(ledger.run())
    with pytest.raises(OSError, match="No space"):
        await ledger.add(lambda n: b"%d" % n)
    with pytest.raises(OSError, match="No space"):
        await writer
    assert ledger.entries.count == 0
    ledger.close()


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """A configuration error, with the path."""
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        Ledger(10**6, tmp_path)
