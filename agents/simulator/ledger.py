"""The carrier's ledger: every accepted POST in order.

With a file, an entry is on disk before `add` returns, so that a test can believe the ledger after killing anything,
this process too. Entries that arrive during one fsync share the next.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from agents.simulator.entries import Entries
from pipeline.errors import ConfigurationError
from pipeline.kafka.group_commit import GroupCommit

# Gives the entry's JSON bytes (one line) when told its number.
Numbered = Callable[[int], bytes]

READ_BACK_CHUNK_BYTES: Final = 1_048_576


class Ledger:
    """Entries in memory, at most `max_kept_bytes` of them, and all of them in `file` when there is one."""

    def __init__(self, max_kept_bytes: int, file: Path | None = None) -> None:
        self.entries = Entries()
        self._max_kept_bytes = max_kept_bytes
        self._descriptor: int | None = None
        self._writing = asyncio.Lock()
        self._group: GroupCommit[Numbered] = GroupCommit(self._write)
        if file is not None:
            self._open(file)

    def _open(self, file: Path) -> None:
        try:
            self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(f"the ledger file {file} cannot be opened: {error.strerror}") from error
        complete = 0
        with os.fdopen(os.dup(self._descriptor), "rb", READ_BACK_CHUNK_BYTES) as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                complete += len(line)
                self._keep(line[:-1])
        # What a crash left half written was never answered: it must not run into the next entry.
        os.ftruncate(self._descriptor, complete)

    async def add(self, render: Numbered) -> None:
        """Add the entry that `render` gives for its number."""
        if self._descriptor is None:
            self._keep(render(self.entries.count + 1))
        else:
            await self._group.add(render)

    async def run(self) -> None:
        """Write to the file until cancelled. An error of the disk ends it: an entry that is not safe is no entry."""
        await self._group.run()

    async def _write(self, group: Sequence[Numbered]) -> None:
        async with self._writing:
            lines = [render(self.entries.count + place) for place, render in enumerate(group, start=1)]
            await asyncio.to_thread(self._append_durably, b"".join(line + b"\n" for line in lines))
            for line in lines:
                self._keep(line)

    def _append_durably(self, block: bytes) -> None:
        assert self._descriptor is not None  # noqa: S101  # only called with a file
        rest = memoryview(block)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        os.fsync(self._descriptor)

    def _keep(self, line: bytes) -> None:
        self.entries.append(line)
        while self.entries.kept_bytes > self._max_kept_bytes:
            self.entries.drop_oldest()

    async def clear(self) -> None:
        """Empty it, the file too."""
        async with self._writing:
            if self._descriptor is not None:
                os.ftruncate(self._descriptor, 0)
                await asyncio.to_thread(os.fsync, self._descriptor)
            self.entries.clear()

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
