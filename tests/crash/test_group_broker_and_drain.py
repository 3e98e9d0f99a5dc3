"""Rows 13, 14, 16 and 17: partitions move, the broker dies, everybody is told to stop, configuration changes."""

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from pipeline.directory.credentials import new_callback_secret
from schemas.directory.trunk import CallbackSecret
from tests.arena.arena import AGENTS, Arena
from tests.arena.world import new_trunk
from tests.crash.oracle import Oracle
from tests.crash.rows import group, lives

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(
    ("slot", "place", "agent"),
    [
        (0, "processor.after_outputs", "processor"),
        (1, "dies_half_written", "processor"),
        (2, "delivery.after_post", "delivery"),
        (3, "handoff.after_produce", "delivery"),
    ],
)
async def test_row_13_a_rebalance_during_a_death_is_no_worse_than_the_death(
    arena: Arena, slot: int, place: str, agent: str
) -> None:
    """Rows 3, 4, 8 and 11 while delivery's partitions go to another process: nothing lost, nothing twice in silence."""
    await group.taken_over(arena, slot, place, agent)


async def test_row_14_a_broker_that_dies_with_the_agents_loses_nothing(arena: Arena) -> None:
    """Rows 2, 3 and 8 with `kill -9` of the broker, and callers that come meanwhile."""
    await group.broker_gone(arena)


async def test_row_16_told_to_stop_every_agent_finishes_what_it_has_begun(arena: Arena) -> None:
    """SIGTERM with POSTs in flight: exit code 0 within the limit, no POST and no callback is made twice."""
    oracle, codes = await group.drained(arena)
    assert dict.fromkeys(AGENTS, 0) == codes
    assert {1} == set(oracle.posts.values())
    assert {1} == {len(it) for it in oracle.callbacks.values()}


async def test_row_17_a_retry_goes_to_the_new_address_signed_with_both_secrets(arena: Arena) -> None:
    """URL and secret are changed between two attempts: the second one follows, and old receivers still verify it."""
    access = new_trunk(arena.world.account, arena.simulator_url, "before", arena.key_file)
    await arena.write_directory(access.trunk)
    await arena.stand()
    await arena.set_fault("inbox/before", status=500)
    sent = await arena.send(trunk=access)
    tier = arena.topics.tiers["sms.callback.retry"][-1]
    await lives.until_waiting(arena, [tier], [sent])
    secret = new_callback_secret()
    rotated_out = CallbackSecret(secret=access.callback_secret, valid_until=datetime.now(UTC) + timedelta(hours=1))
    await arena.write_directory(
        access.trunk.model_copy(
            update={"callback_url": f"{arena.simulator_url}/inbox/after", "callback_secrets": (secret, rotated_out)}
        )
    )
    moved = sent._replace(trunk=access._replace(inbox="after"))
    oracle = await Oracle(arena, [moved]).judge()  # verifies with the old secret
    (callback,) = oracle.callbacks[sent.id]
    body = Webhook(secret.secret).verify(callback["body"], callback["headers"])
    assert sent.id == body["data"]["id"]
    assert len(callback["headers"]["webhook-signature"].split()) == 2
    await arena.clear_fault("inbox/before")
