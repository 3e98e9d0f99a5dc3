"""Row 23: the scheduler dies while what is due, or was cancelled, leaves it."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

from schemas.directory.carrier import InDoubtPolicy
from schemas.identifiers import uuid7
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.destination import Destination
from schemas.messages.status import StatusStage
from schemas.state.deferred import message_key
from schemas.topics import CANCEL_REQUESTED, DEFERRED, STATUS, SUBMITTED
from tests.arena.arena import LONG, Arena, Sent
from tests.arena.life import Life
from tests.builders import submission
from tests.crash.oracle import Oracle, status_of
from tests.crash.rows.lives import NONE, Variants, life, others

DUE_SECONDS = 4.0
"""From the request on: by then all of it waits, and the wishes are there."""
LIMIT_SECONDS = 40.0
REPETITION_SECONDS = 2.0  # whatever was to be sent twice has been by then


async def schedule(arena: Arena, *, cancels: bool) -> tuple[list[Sent], list[Sent]]:
    """Schedule messages that are due together, and where it `cancels` some for later; return both."""
    trunk, due = arena.world.trunk, datetime.now(UTC) + timedelta(seconds=DUE_SECONDS)
    made: list[tuple[Sent, datetime]] = []
    for number in range(6):
        sent = Sent(uuid7(), arena.number(), 2, InDoubtPolicy.RESEND_WITH_KEY, trunk)
        made.append((sent, due + timedelta(hours=1) if cancels and number % 2 else due))
    for sent, send_at in made:
        to = Destination(address=sent.destination, id=sent.id)
        asked = submission(to, trunk_id=trunk.id, content=LONG, send_at=send_at)
        await arena.produce(SUBMITTED, asked.to_bytes(), key=trunk.id.encode())
    return [it for it, at in made if at == due], [it for it, at in made if at != due]


async def cancel(arena: Arena, messages: list[Sent]) -> None:
    """Ask for messages to be cancelled, as any producer may."""
    for it in messages:
        wish = CancelRequest(trunk_id=it.trunk.id, id=it.id, requested_at=datetime.now(UTC))
        await arena.produce(CANCEL_REQUESTED, wish.to_bytes(), key=it.trunk.id.encode())


async def judged(arena: Arena, sent: list[Sent], limit_seconds: float = LIMIT_SECONDS) -> Oracle:
    """Wait until all messages have outcomes and none waits, and a little for what must not come; then judge."""

    def unfinished() -> int:
        found = [status_of(it) for it in arena.topics.records(STATUS)]
        ended = {it.message_id for it in found if it is not None and it.stage is StatusStage.PROCESSING}
        # What was written by the life that died may have an outcome before the next one has looked.
        held = {it.key: it.value for it in arena.topics.records(DEFERRED)}
        return sum(it.id not in ended or bool(held.get(message_key(it.trunk.id, it.id))) for it in sent)

    clock = asyncio.get_running_loop().time
    deadline = clock() + limit_seconds
    while clock() < deadline:
        await arena.revive()
        await arena.topics.catch_up()
        if not unfinished():
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(REPETITION_SECONDS)
    return await Oracle(arena, sent).judge()


async def _run(arena: Arena, scheduler: Life, variants: Variants, *, cancels: bool = True) -> list[Sent]:
    """Let messages wait, and some of them be cancelled; return when the scheduler has died of it."""
    await arena.stand(scheduler=scheduler, **others(variants, "scheduler"))
    due, later = await schedule(arena, cancels=cancels)
    await cancel(arena, later)
    await arena.died("scheduler")
    return due + later


async def leaving_and_killed(
    arena: Arena,
    place: str,
    variants: Variants = NONE,
    passing: int = 1,
    limit_seconds: float = LIMIT_SECONDS,
    *,
    cancels: bool = True,
) -> Oracle:
    """Die at `place`, where it comes by for so many times: first with what was cancelled, later with what is due."""
    sent = await _run(arena, life("scheduler", variants, f"{place}:{passing}"), variants, cancels=cancels)
    return await judged(arena, sent, limit_seconds)


async def written_and_killed(arena: Arena, variants: Variants = NONE) -> Oracle:
    """Die with all that leaves written, and its transaction not ended."""
    sent = await _run(arena, Life(variant=variants.get("scheduler", "dies_before_it_ends_a_release")), variants)
    await arena.stand(scheduler=Life(), **others(variants, "scheduler"))
    return await judged(arena, sent)


released_apart = partial(leaving_and_killed, place="sabotaged.left", cancels=False)
"""Where there is no transaction: in between, with what is due and nothing else."""
