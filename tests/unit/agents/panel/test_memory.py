"""What the panel remembers: written in the background, and kept while the broker is silent."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from agents.panel import memory as memory_module
from agents.panel.memory import Memory
from pipeline.errors import NotAcknowledged
from pipeline.settings import KafkaSettings
from schemas.record import OutRecord
from schemas.state.remembered import Remembered

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Writer:
    """Takes records, or refuses them as a silent broker does."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes | None, bytes | None]] = []
        self.is_silent = False

    async def write(self, records: Iterable[OutRecord]) -> None:
        taken = list(records)
        await asyncio.sleep(0)
        if self.is_silent:
            raise NotAcknowledged("silent")
        self.records += [(it.key, it.value) for it in taken]


def made() -> tuple[Memory, Writer]:
    writer = Writer()
    return Memory(KafkaSettings(), cast("Any", writer)), writer


async def test_what_changes_is_written_the_newest_of_each_key() -> None:
    """Also what changes while it is being written; forgetting is a null."""
    memory, writer = made()
    first, second = Remembered(used_at=NOW), Remembered(used_at=NOW.replace(day=23))
    keeping = asyncio.create_task(memory.keep())
    memory.remember("user:a", first)
    await asyncio.sleep(0)
    memory.remember("user:a", second)
    memory.remember("session:b", None)
    for _ in range(10):
        await asyncio.sleep(0)
    keeping.cancel()
    assert dict(writer.records) == {b"user:a": second.to_bytes(), b"session:b": None}


async def test_a_silent_broker_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written when the broker answers again, or at the end."""
    monkeypatch.setattr(memory_module, "AGAIN_SECONDS", 0.0)
    memory, writer = made()
    writer.is_silent = True
    keeping = asyncio.create_task(memory.keep())
    memory.remember("user:a", Remembered(used_at=NOW))
    for _ in range(10):
        await asyncio.sleep(0)
    assert writer.records == []
    keeping.cancel()
    writer.is_silent = False
    await memory.stop()
    assert [key for key, _ in writer.records] == [b"user:a"]
