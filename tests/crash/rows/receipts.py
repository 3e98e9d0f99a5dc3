"""Rows 19 to 22: a process dies, or is stopped, between a carrier's receipt and the status that ends a message."""

import asyncio
import signal
from functools import partial

from agents.receipts.app import GATHER_SECONDS
from schemas.messages.status import StatusStage
from schemas.topics import DLR_RECEIVED, STATUS
from tests.arena.arena import LONG, SESSION_TIMEOUT_SECONDS, Arena, Sent
from tests.arena.life import Life
from tests.crash.oracle import Oracle, status_of
from tests.crash.rows.lives import NONE, Variants, life, others
from tests.crash.rows.stopping import until_stopped

RECEIPT_LIMIT_SECONDS = 30.0
REPETITION_SECONDS = 2.0  # whatever was to be told twice has been by then
SENT_WITHIN_MS = 2000
PAUSE_SECONDS = SESSION_TIMEOUT_SECONDS + 1.5


async def messages(arena: Arena, pause_seconds: float = 0.0) -> list[Sent]:
    """Send messages whose trunk wants receipts, of one segment and of two, with a pause behind each."""
    sent = []
    for text in ("Hello", LONG, "Hello", LONG):
        sent.append(await arena.send(text=text, trunk=arena.world.curious))
        await asyncio.sleep(pause_seconds)
    return sent


async def stand(arena: Arena, variants: Variants, **lives: Life) -> None:
    """Let the agents run, and the one that rolls receipts up."""
    await arena.stand(**({"receipts": Life()} | others(variants, *lives) | lives))


async def judged(arena: Arena, sent: list[Sent], limit_seconds: float = RECEIPT_LIMIT_SECONDS) -> Oracle:
    """Wait for the ends of all messages, and a little for what must not come; then judge."""

    def missing() -> int:
        ended = {
            status.message_id
            for record in arena.topics.records(STATUS)
            if (status := status_of(record)) is not None and status.stage is StatusStage.DELIVERY
        }
        return sum(it.id not in ended for it in sent)

    clock = asyncio.get_running_loop().time
    deadline = clock() + limit_seconds
    while clock() < deadline:
        await arena.revive()
        await arena.topics.catch_up()
        if not missing():
            break
        await asyncio.sleep(0.1)
    await arena.settle()
    await asyncio.sleep(REPETITION_SECONDS)
    return await Oracle(arena, sent, interrupted=True, attempts_repeat=True).judge(limit_seconds=90)


async def gathered_and_killed(arena: Arena, place: str, variants: Variants = NONE, passing: int = 2) -> Oracle:
    """Row 19: the roll-up dies at `place`, where it comes by for so many times, of writing what it knows and tells."""
    await stand(arena, variants, receipts=life("receipts", variants, f"{place}:{passing}"))
    # Or all would be told of in one batch, and there were not two transactions.
    sent = await messages(arena, pause_seconds=4 * GATHER_SECONDS)
    await arena.died("receipts")
    return await judged(arena, sent)


async def receipt_taken_and_killed(arena: Arena, place: str, variants: Variants = NONE) -> Oracle:
    """Row 20: ingress dies with a receipt read and not stored, or stored and not answered."""
    await stand(arena, variants, ingress=life("ingress", variants, f"{place}:1"))
    # Or ingress would be dead before all are sent.
    async with arena.receipts_after(SENT_WITHIN_MS):
        sent = await messages(arena)
        await arena.died("ingress")
    return await judged(arena, sent)


async def receipt_answered_and_killed(
    arena: Arena, variants: Variants = NONE, limit_seconds: float = RECEIPT_LIMIT_SECONDS
) -> Oracle:
    """Row 20, when the carrier has its answer: ingress dies right after it, and the carrier will not come again."""
    await stand(arena, variants)
    sent = await messages(arena)
    segments = {f"{it.id}:{n}" for it in sent for n in range(1, it.segments + 1)}
    await arena.until("the POSTs", lambda: segments <= {it["segment_id"] for it in arena.ledger()})
    await asyncio.sleep(1.0)  # the carrier reports after 10 ms
    await arena.processes["ingress"].kill()
    return await judged(arena, sent, limit_seconds)


async def receipts_before_the_success(
    arena: Arena, place: str, variants: Variants = NONE, limit_seconds: float = RECEIPT_LIMIT_SECONDS
) -> Oracle:
    """Row 21: delivery dies around a POST's outcome: the receipts are there before anybody waits for them."""
    await stand(arena, variants, delivery=life("delivery", variants, f"{place}:1"))
    sent = await messages(arena)
    await arena.died("delivery")
    ids = {it.id for it in sent}

    async def have_come() -> bool:
        await arena.topics.catch_up()
        values = [record.value or b"" for record in arena.topics.records(DLR_RECEIVED)]
        return any(it.encode() in value for value in values for it in ids)

    async with asyncio.timeout(RECEIPT_LIMIT_SECONDS):
        while not await have_come():
            await asyncio.sleep(0.1)
    await asyncio.sleep(1.0)  # for the roll-up to take them in
    return await judged(arena, sent, limit_seconds)


async def taken_over(arena: Arena, slot: int, place: str) -> Oracle:
    """Row 22: the roll-up's group rebalances while one of it dies at `place` and never comes back."""
    first, second = f"receipts_{slot}", f"receipts_{slot + 1}"
    await arena.stand(**{first: Life(f"{place}:1")})
    arena.start_beside(second, Life())
    sent = await messages(arena)
    await arena.died(first)
    arena.dismiss(first)
    return await judged(arena, sent, limit_seconds=60.0)


async def stopped(arena: Arena, variants: Variants = NONE) -> Oracle:
    """Row 22: the roll-up is stopped before it writes, for longer than its session; another one has told meanwhile."""
    await arena.stand(receipts=Life(variant=variants.get("receipts", "stops_before_it_gathers")))
    sent = await messages(arena)
    await until_stopped(arena, "receipts")
    arena.start_beside("receipts_7", Life())
    await asyncio.sleep(PAUSE_SECONDS)
    arena.processes["receipts"].signal(signal.SIGCONT)
    return await judged(arena, sent, limit_seconds=60.0)


after_telling = partial(gathered_and_killed, place="receipts.after_telling")
inside = partial(gathered_and_killed, place="sabotaged.told", passing=1)
early = partial(receipts_before_the_success, place="delivery.after_post")
