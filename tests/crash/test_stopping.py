"""SIGSTOP and SIGCONT, after the session or with a replacement within it: nothing is posted twice in silence."""

import pytest

from schemas.directory.carrier import InDoubtPolicy
from tests.arena.arena import Arena
from tests.arena.life import Life
from tests.crash.rows import stopping

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_delivery_that_was_stopped_before_a_post_does_not_make_it_when_another_has(arena: Arena) -> None:
    """Its session ends, the other process asks the carrier and posts; awake again it sees that it is no member."""
    oracle = await stopping.delivery_before_it_posts(arena)
    assert {1} == set(oracle.posts.values())


async def test_delivery_that_was_stopped_alone_joins_again_and_posts_once(arena: Arena) -> None:
    """Nobody took over: it reads from its own journal that it may have posted, and asks."""
    oracle = await stopping.paused(arena, "delivery", "stops_before_it_posts", beside=False, policy=InDoubtPolicy.QUERY)
    assert {1} == set(oracle.posts.values())


@pytest.mark.parametrize("policy", [InDoubtPolicy.QUERY, InDoubtPolicy.GIVE_UP])
async def test_delivery_that_was_stopped_after_a_post_leaves_the_outcome_to_others(
    arena: Arena, policy: InDoubtPolicy
) -> None:
    """The other process has found the segment at the carrier, or given it up: there is that one outcome."""
    oracle = await stopping.paused(arena, "delivery", "stops_after_it_posted", beside=True, policy=policy)
    assert {1} == set(oracle.posts.values())
    assert {1} == {len(it) for it in oracle.statuses.values()}


async def test_a_processor_that_was_stopped_writes_what_nobody_sends_twice(arena: Arena) -> None:
    """Another one has processed the record; what the first one writes of it afterwards is told by its origin."""
    oracle = await stopping.paused(
        arena, "processor", "stops_before_it_writes", beside=True, policy=InDoubtPolicy.RESEND_WITH_KEY
    )
    assert {1} == set(oracle.posts.values())


async def test_a_callback_agent_that_was_stopped_forks_no_chain(arena: Arena) -> None:
    """Its failed attempt is another's to hand on by now; its own hand-off is fenced."""
    await arena.set_fault("inbox/main", status=500, remaining=2)
    oracle = await stopping.paused(
        arena, "callback", "stops_after_it_notified", beside=True, policy=InDoubtPolicy.RESEND_WITH_KEY, again=True
    )
    await arena.clear_fault("inbox/main")
    assert {1} == set(oracle.posts.values())


async def test_row_18_delivery_that_is_replaced_while_it_is_stopped_posts_once(arena: Arena) -> None:
    """It goes on as the member that it still is; the other one takes a slot of its own, and waits for the group."""
    oracle = await stopping.replaced_before_it_posts(arena)
    assert {1} == set(oracle.posts.values())
    assert {1} == {len(it) for it in oracle.statuses.values()}


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("delivery", "stops_after_it_posted"),
        ("processor", "stops_before_it_writes"),
        ("callback", "stops_after_it_notified"),
    ],
)
async def test_row_18_a_process_that_is_replaced_while_it_is_stopped_contradicts_nobody(
    arena: Arena, name: str, variant: str
) -> None:
    """Each message has one POST and one outcome."""
    oracle = await stopping.replaced(
        arena, name, variant, Life(settings=stopping.LONGER_SESSION), InDoubtPolicy.GIVE_UP
    )
    assert {1} == set(oracle.posts.values())
    assert {1} == {len(it) for it in oracle.statuses.values()}
