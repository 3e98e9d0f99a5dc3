"""Rows of their own: a process is stopped (SIGSTOP) for longer than its session lasts, and goes on (SIGCONT)."""

import asyncio
import signal
from pathlib import Path

from schemas.directory.carrier import InDoubtPolicy
from tests.arena.arena import SESSION_TIMEOUT_SECONDS, Arena
from tests.arena.life import Life
from tests.crash.oracle import Oracle
from tests.crash.rows.lives import NONE, Variants

PAUSE_SECONDS = SESSION_TIMEOUT_SECONDS + 1.5


async def until_stopped(arena: Arena, name: str) -> None:
    """Wait until a process has stopped itself (proc(5): state `T`)."""
    status = Path(f"/proc/{arena.processes[name].pid}/stat")
    await arena.until(f"{name} to stop", lambda: status.read_text().rpartition(")")[2].split()[0] == "T")


async def paused(
    arena: Arena, name: str, variant: str, *, beside: bool, policy: InDoubtPolicy, again: bool = False
) -> Oracle:
    """Stop `name` in the place of its variant, for longer than its session; `beside` it a second process takes over."""
    lives = {name: Life(variant=variant)}
    await arena.stand(**lives)
    sent = [await arena.send(policy)]
    await until_stopped(arena, name)
    if beside:
        arena.start_beside(f"{name}_7", Life())
    sent += [await arena.send(policy) for _ in range(3)]
    await asyncio.sleep(PAUSE_SECONDS)
    arena.processes[name].signal(signal.SIGCONT)
    return await Oracle(arena, sent, attempts_repeat=again).judge(limit_seconds=90)


async def delivery_before_it_posts(arena: Arena, variants: Variants = NONE) -> Oracle:
    """Delivery is stopped between mark and POST; whoever took over has asked the carrier and posted."""
    variant = variants.get("delivery", "stops_before_it_posts")
    return await paused(arena, "delivery", variant, beside=True, policy=InDoubtPolicy.QUERY)
