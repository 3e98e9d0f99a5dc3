"""Other people's programs, run for the length of a block."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

PATIENCE_SECONDS: Final = 60.0


@asynccontextmanager
async def process(*arguments: str, log: Path, environment: Mapping[str, str] | None = None) -> AsyncIterator[None]:
    """Run a program until the end of the block, and then kill it with what it has started."""
    with log.open("wb") as output:
        started = await asyncio.create_subprocess_exec(
            *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, env=environment,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            await started.wait()


async def until_it_listens(port: int, log: Path) -> None:
    """Wait until something listens there."""
    for _ in range(int(PATIENCE_SECONDS / 0.1)):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise AssertionError(log.read_text(errors="replace")[-2000:])
