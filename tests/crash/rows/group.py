"""Rows 13, 14 and 16: partitions move, the broker dies, everybody is told to stop."""

import asyncio
import os
import signal
from contextlib import suppress

from schemas.directory.carrier import InDoubtPolicy
from schemas.identifiers import uuid7
from tests.arena.arena import AGENTS, Arena, NotAnswered, Sent
from tests.arena.life import Life
from tests.crash.oracle import Oracle
from tests.crash.rows.lives import ALL_POLICIES, NONE, Variants, many_in_one_record, others

DRAINED = 6
DRAIN_LIMIT_SECONDS = 25.0  # SMSOUT_DRAIN_TIMEOUT_SECONDS is 20


async def told_to_stop_while_it_waits(arena: Arena) -> Sent:
    """Tell ingress to stop while a request waits for the broker, which is frozen for that long; return the message."""
    destination = arena.number()
    os.kill(arena.broker.pid, signal.SIGSTOP)
    try:
        request = asyncio.create_task(arena.post(destination, "Hello"))
        await asyncio.sleep(0.3)
        arena.processes["ingress"].signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
    finally:
        os.kill(arena.broker.pid, signal.SIGCONT)
    return Sent(await request, destination, 1, InDoubtPolicy.RESEND_WITH_KEY, arena.world.trunk)


async def drained(arena: Arena, variants: Variants = NONE) -> tuple[Oracle, dict[str, int]]:
    """Row 16: every agent is told to stop with work in flight; return how each one ended."""
    await arena.stand(**others(variants))
    await arena.set_fault("carrier", delay_ms=2500)  # for longer than those before delivery take to stop
    await arena.set_fault("inbox/main", delay_ms=800)
    before = len(arena.ledger())
    sent = [await arena.send() for _ in range(DRAINED)]
    await arena.until("POSTs in flight", lambda: len(arena.ledger()) > before)
    codes: dict[str, int] = {}
    # In the order of the flow, as an operator's tools do it; what one has finished is in flight in the next.
    for name in AGENTS:
        if name == "callback":
            await asyncio.sleep(0.3)  # into the callbacks' delay
        process = arena.processes[name]
        if name == "ingress":
            sent.append(await told_to_stop_while_it_waits(arena))
            codes[name] = await process.ended(DRAIN_LIMIT_SECONDS)
        else:
            codes[name] = await process.stop(DRAIN_LIMIT_SECONDS)
    await arena.clear_fault("carrier")
    await arena.clear_fault("inbox/main")
    return await Oracle(arena, sent).judge(), codes


async def broker_gone(arena: Arena) -> Oracle:
    """Row 14: rows 2, 3 and 8 in one, and the broker dies with the agents.

    The first message kills ingress after it is stored, the processor after its outputs and delivery after its POST.
    """
    await arena.stand(
        ingress=Life("ingress.after_acknowledge:1"),
        processor=Life("processor.after_outputs:1"),
        delivery=Life("delivery.after_post:1"),
    )
    destination, key = arena.number(), uuid7()
    with suppress(NotAnswered):
        await arena.post(destination, "Hello", key=key)
    await asyncio.gather(*(arena.died(name) for name in ("ingress", "processor", "delivery")))
    arena.broker.kill()
    await arena.revive()
    # Callers are turned away while it is gone, and try again.
    calls = [
        asyncio.create_task(arena.send(destination=destination, key=key)),
        *(asyncio.create_task(arena.send(policy, key=uuid7())) for policy in ALL_POLICIES),
    ]
    await asyncio.to_thread(arena.broker.start)
    return await Oracle(arena, await asyncio.gather(*calls), interrupted=True).judge(limit_seconds=120)


async def taken_over(arena: Arena, slot: int, place: str, agent: str = "delivery") -> Oracle:
    """Row 13: the group of delivery rebalances while a process dies at `place`, and never comes back.

    A second delivery process joins while messages flow. When delivery itself is to die, the new one has to take over
    what the dead one has left in doubt or half handed on.
    """
    first, second = f"delivery_{slot}", f"delivery_{slot + 1}"
    lives = {name: Life() for name in ("ingress", "processor", "callback")} | {first: Life()}
    lives[first if agent == "delivery" else agent] = (
        Life(variant=place) if place == "dies_half_written" else Life(f"{place}:1")
    )
    await arena.stand_only(lives)
    if place.startswith("handoff"):
        await arena.set_fault("carrier", status=503, remaining=1)
    arena.start_beside(second, Life())
    sent = [await arena.send(policy) for policy in ALL_POLICIES]
    sent += await many_in_one_record(arena)
    if agent == "delivery":
        await arena.died(first)
        arena.dismiss(first)
    else:
        await arena.died(agent)
        if place == "dies_half_written":
            arena.forgive(agent)
    delivery_died = agent == "delivery"  # with other messages between their POSTs and outcomes, too
    oracle = Oracle(arena, sent, interrupted=delivery_died)
    return await oracle.judge(limit_seconds=90)
