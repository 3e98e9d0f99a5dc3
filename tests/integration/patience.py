"""Waiting for what other processes do: they have no event to wait for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

LIMIT_SECONDS: Final = 120.0  # a machine that runs other tests too


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it holds. Raises `TimeoutError`."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not await holds():
            await asyncio.sleep(0.05)
