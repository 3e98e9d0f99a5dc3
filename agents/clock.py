"""Says when the wall clock of this machine was put forward or back, which is what many a riddle comes from."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

STEP_SECONDS: Final = 5.0  # NTP slews what is less, and a busy machine looks late
LOOK_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


async def watch(
    wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic, look: float = LOOK_SECONDS
) -> None:
    """Compare the wall clock with the one that only goes forward, until cancelled."""
    apart = wall() - steady()
    while True:
        await asyncio.sleep(look)
        now = wall() - steady()
        if abs(now - apart) >= STEP_SECONDS:
            log.warning(
                "clock_stepped", seconds=round(now - apart),
                do="see that every machine has the time from NTP; nothing is lost, and callbacks that were signed with "
                "a wrong time and refused for it are tried again",
            )  # fmt: skip
        apart = now
