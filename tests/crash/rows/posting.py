"""Rows 6 to 11, 24 and 25: a process dies around a POST, its outcome, or the handing on to a retry tier."""

from collections.abc import Sequence
from typing import Any

from agents.local.ports import free_port
from pipeline.kafka.admin import topic_admin
from pipeline.settings import RetrySettings, TopicSettings
from schemas.directory.callback_options import CallbackOptions
from schemas.directory.carrier import InDoubtPolicy
from schemas.identifiers import uuid7
from tests.arena.arena import LONG, Arena, Sent
from tests.arena.life import Life
from tests.arena.world import TrunkAccess, new_trunk
from tests.crash.oracle import Oracle
from tests.crash.rows.lives import ALL_POLICIES, NONE, Variants, life, others

MOVED = 40
"""Messages: more than are tried at an endpoint of which nothing is known yet."""
LONGER = "1,2,3,4,5,60"


async def before_marker(arena: Arena, variants: Variants = NONE) -> Oracle:
    """Row 6: delivery dies before the first mark of a message is written."""
    await arena.stand(delivery=life("delivery", variants, "delivery.before_marker:1"), **others(variants, "delivery"))
    sent = [await arena.send(policy) for policy in ALL_POLICIES]
    await arena.died("delivery")
    return await Oracle(arena, sent).judge()


async def marked_and_not_posted(arena: Arena, variants: Variants = NONE) -> tuple[Oracle, list[Sent]]:
    """Row 7: delivery dies with marks written and nothing taken by the carriers, one message for each policy.

    The carriers turn POSTs away, so slowly that no answer comes before the last mark is written.
    """
    await arena.stand(
        delivery=life("delivery", variants, f"delivery.after_marker:{len(ALL_POLICIES)}"),
        **others(variants, "delivery"),
    )
    await arena.set_fault("carrier", status=503, delay_ms=5000)
    sent = [await arena.send(policy) for policy in ALL_POLICIES]
    await arena.died("delivery")
    await arena.clear_fault("carrier")
    return await Oracle(arena, sent).judge(), sent


async def posted_without_outcome(
    arena: Arena, variants: Variants = NONE, policies: Sequence[InDoubtPolicy] = ALL_POLICIES
) -> tuple[Oracle, list[Sent]]:
    """Row 8: delivery dies with POSTs taken by the carriers and no outcome written, one message for each policy.

    The carriers answer late, so that all of them have a POST when the first answer comes.
    """
    await arena.stand(delivery=life("delivery", variants, "delivery.after_post:1"), **others(variants, "delivery"))
    await arena.set_fault("carrier", delay_ms=1000)
    sent = [await arena.send(policy) for policy in policies]
    await arena.died("delivery")
    await arena.clear_fault("carrier")
    return await Oracle(arena, sent, interrupted=True).judge(), sent


async def outcome_without_commit(arena: Arena, variants: Variants = NONE) -> Oracle:
    """Row 9: delivery dies with outcome and status written and nothing committed."""
    await arena.stand(delivery=life("delivery", variants, "delivery.after_outcome:1"), **others(variants, "delivery"))
    sent = [await arena.send(text=LONG)]
    await arena.died("delivery")
    return await Oracle(arena, sent).judge()


async def called_back_without_commit(arena: Arena, variants: Variants = NONE) -> Oracle:
    """Row 10: the callback agent dies with the endpoint's answer read and nothing committed."""
    await arena.stand(callback=life("callback", variants, "callback.after_post:1"), **others(variants, "callback"))
    sent = [await arena.send()]
    await arena.died("callback")
    return await Oracle(arena, sent, attempts_repeat=True).judge()


async def batch_called_back_without_commit(arena: Arena, variants: Variants = NONE) -> tuple[Oracle, list[Sent]]:
    """Row 10 with a batch: several callbacks in one POST, whose answer was read and nothing committed."""
    access = new_trunk(arena.world.account, arena.simulator_url, "batches", arena.key_file)
    await arena.write_directory(access.trunk.model_copy(update={"callbacks": CallbackOptions(batch=True)}))
    await arena.stand(callback=life("callback", variants, "callback.after_post:1"), **others(variants, "callback"))
    sent = [await arena.send(trunk=access) for _ in range(5)]
    await arena.died("callback")
    return await Oracle(arena, sent, attempts_repeat=True).judge(), sent


async def handed_on(arena: Arena, place: str, variants: Variants = NONE) -> Oracle:
    """Row 11: delivery, and then the callback agent, die at `place` of handing a failed attempt on to its tier."""
    await arena.stand(
        delivery=life("delivery", variants, f"{place}:1"),
        callback=life("callback", variants, f"{place}:1"),
        **others(variants, "delivery", "callback"),
    )
    # What has been handed on is not to be due before the next life has had its turn with what was not committed.
    later = {"Retry-After": "2"}
    await arena.set_fault("carrier", status=503, headers=later, remaining=1)
    # Of a callback nothing is known but what was committed: it is made anew, and is to fail again.
    times = 1 if place == "handoff.after_commit" else 2
    await arena.set_fault("inbox/main", status=503, headers=later, remaining=times)
    sent = [await arena.send()]
    await arena.died("delivery")
    arena.restart("delivery")
    await arena.died("callback")
    return await Oracle(arena, sent, attempts_repeat=True).judge()


async def failed_and_killed(arena: Arena, variants: Variants = NONE) -> Oracle:
    """Row 11 without a place: the callback agent dies some time after an attempt has failed."""
    await arena.stand(
        callback=life("callback", variants, "sabotaged.before_tier:1" if variants else None),
        **others(variants, "callback"),
    )
    await arena.set_fault("inbox/main", status=500, remaining=1)
    sent = [await arena.send()]
    await arena.died("callback")
    return await Oracle(arena, sent).judge()


async def turned_to_failover(arena: Arena, variants: Variants = NONE) -> tuple[Oracle, list[dict[str, Any]]]:
    """Row 24: the callback agent dies at four points of the turn to a failover URL, one life after the other.

    They are: the failed attempt is handed on and not committed; it is committed; the turn has come and nothing is
    posted; it is posted and not committed. Return what the trunk's own endpoint has taken, too, which is nothing while
    no life asks it more often than it has to.
    """
    first, *rest = (
        "handoff.before_commit:1",
        "handoff.after_commit:1",
        "callback.before_post:1",
        "callback.after_post:1",
    )
    failing = f"failing-{uuid7()}"
    access = await _with_failover(arena, f"{arena.simulator_url}/inbox/{failing}", after=1)
    await arena.stand(callback=life("callback", variants, first), **others(variants, "callback"))
    # In the first life, of which nothing is committed, and in the second.
    await arena.set_fault(f"inbox/{failing}", status=500, remaining=2)
    sent = [await arena.send(trunk=access)]
    for place in rest:
        await arena.died("callback")
        arena.restart("callback", place)
    await arena.died("callback")
    oracle = await Oracle(arena, sent).judge()
    return oracle, await arena.inbox(failing)


async def moved_to_failover(arena: Arena, variants: Variants = NONE, limit_seconds: float = 60.0) -> Oracle:
    """Row 25: the callback agent dies as notifications leave an endpoint that is away for its trunk's failover.

    Once as the first of them leaves, once with the failover's answer read and nothing committed.
    """
    first, *rest = (variants.get("callback"),) if variants else ("dies_as_it_moves_on", "dies_told_elsewhere")
    # After so many that nothing but its absence makes anybody leave.
    access = await _with_failover(arena, f"http://127.0.0.1:{free_port()}/away", after=10)
    # What waits may do so for as long as all tiers together take: longer than these lives.
    await topic_admin.apply(arena.kafka, TopicSettings(partitions=2), RetrySettings(callback_delays_seconds=LONGER))
    settings = {"SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS": LONGER}
    await arena.stand(callback=Life(variant=first, settings=settings))
    sent = [await arena.send(trunk=access) for _ in range(MOVED)]
    for name in (*rest, None):
        await arena.died("callback")
        arena.start_beside("callback", Life(variant=name, settings=settings))
    return await Oracle(arena, sent, attempts_repeat=True).judge(limit_seconds)


async def _with_failover(arena: Arena, callback_url: str, *, after: int) -> TrunkAccess:
    """Return a new trunk that is told at `callback_url`, and after so many failures in an inbox of its own."""
    access = new_trunk(arena.world.account, arena.simulator_url, f"standby-{uuid7()}", arena.key_file)
    callbacks = CallbackOptions(failover_url=access.trunk.callback_url, failover_after=after)
    await arena.write_directory(access.trunk.model_copy(update={"callback_url": callback_url, "callbacks": callbacks}))
    return access
