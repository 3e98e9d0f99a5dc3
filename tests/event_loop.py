"""Letting tasks run without any time passing."""

import asyncio


async def settle(rounds: int = 20) -> None:
    """Let everything that can run do so, for as many rounds of the event loop."""
    for _ in range(rounds):
        await asyncio.sleep(0)
