"""A process is stopped (SIGSTOP), and goes on (SIGCONT): after its session, or with a replacement within it."""

import asyncio
import signal
from pathlib import Path

from schemas.directory.carrier import InDoubtPolicy
from tests.arena.arena import SESSION_TIMEOUT_SECONDS, Arena, Sent
from tests.arena.life import Life
from tests.crash.oracle import Oracle
from tests.crash.rows.lives import NONE, Variants

PAUSE_SECONDS = SESSION_TIMEOUT_SECONDS + 1.5
LONGER_SESSION = {"SMSOUT_KAFKA_SESSION_TIMEOUT_SECONDS": "14"}  # a machine that runs other tests starts slowly
WITHIN_THE_SESSION_SECONDS = 7.0
LIMIT_SECONDS = 90.0


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
    if beside:  # which takes as long as the machine takes
        async with asyncio.timeout(30):
            while not _is_posted(arena, sent[0]):
                await asyncio.sleep(0.05)
    arena.processes[name].signal(signal.SIGCONT)
    return await Oracle(arena, sent, attempts_repeat=again).judge(limit_seconds=90)


async def replaced(
    arena: Arena,
    name: str,
    variant: str,
    replacement: Life,
    policy: InDoubtPolicy,
    limit_seconds: float = LIMIT_SECONDS,
) -> Oracle:
    """Row 18: `name` is stopped in the place of its variant, and an orchestrator starts another with its environment.

    The first goes on while the group still has it as a member: when the other has posted, which it must not, or soon.
    """
    await arena.stand(**{name: Life(variant=variant, settings=LONGER_SESSION)})
    sent = [await arena.send(policy)]
    await until_stopped(arena, name)
    arena.start_beside(f"{name}_1", replacement)
    deadline = asyncio.get_running_loop().time() + WITHIN_THE_SESSION_SECONDS
    while asyncio.get_running_loop().time() < deadline and not _is_posted(arena, sent[0]):
        await asyncio.sleep(0.05)
    arena.processes[name].signal(signal.SIGCONT)
    sent += [await arena.send(policy) for _ in range(3)]
    return await Oracle(arena, sent, attempts_repeat=name == "callback").judge(limit_seconds)


def _is_posted(arena: Arena, sent: Sent) -> bool:
    return any(it["destination"] == sent.destination for it in arena.ledger())


async def replaced_before_it_posts(
    arena: Arena, variants: Variants = NONE, limit_seconds: float = LIMIT_SECONDS
) -> Oracle:
    """Delivery is stopped between mark and POST, and replaced at once."""
    first, second = "stops_before_it_posts", variants.get("delivery")
    both = first if second is None else f"{first}_and_{second}"
    replacement = Life(variant=second, settings=LONGER_SESSION)
    return await replaced(arena, "delivery", both, replacement, InDoubtPolicy.QUERY, limit_seconds)


async def delivery_before_it_posts(arena: Arena, variants: Variants = NONE) -> Oracle:
    """Delivery is stopped between mark and POST; whoever took over has asked the carrier and posted."""
    variant = variants.get("delivery", "stops_before_it_posts")
    return await paused(arena, "delivery", variant, beside=True, policy=InDoubtPolicy.QUERY)
