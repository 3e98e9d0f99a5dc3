"""Rows 6 to 12, 24 and 25: delivery or the callback agent dies around a POST, or the handing on to a tier."""

import asyncio
from datetime import datetime, timedelta

import pytest

from schemas.directory.carrier import InDoubtPolicy
from schemas.messages.callback import AttemptOutcome, CallbackVia
from schemas.messages.status import CodeId, StatusName
from tests.arena.arena import Arena
from tests.crash.oracle import Oracle
from tests.crash.rows import lives, posting
from tests.inbox import told_by

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

LATE_SECONDS = 20  # of which most is the start of a process on a machine that runs other tests too


async def test_row_6_a_message_without_a_mark_is_sent_once(arena: Arena) -> None:
    """Nothing was posted and nothing says so: whatever the carrier's policy, it is simply sent."""
    oracle = await posting.before_marker(arena)
    assert {1} == set(oracle.posts.values())
    assert {None} == {status.possible_duplicate for it in oracle.statuses.values() for status in it}


async def test_row_7_a_mark_without_a_post_is_settled_by_the_carriers_policy(arena: Arena) -> None:
    """Nobody can know that nothing was posted: sent with the key, after a question, flagged, or not at all."""
    oracle, sent = await posting.marked_and_not_posted(arena)
    ends = {it.policy: (oracle.end_of(it), oracle.posts[f"{it.id}:1"]) for it in sent}
    assert {
        policy: (status.status, status.code_id, posts, status.possible_duplicate)
        for policy, (status, posts) in ends.items()
    } == {
        InDoubtPolicy.RESEND_WITH_KEY: (StatusName.SUCCESS, None, 1, None),
        InDoubtPolicy.QUERY: (StatusName.SUCCESS, None, 1, None),
        InDoubtPolicy.GIVE_UP: (StatusName.FAILED, CodeId.IN_DOUBT, 0, None),
        InDoubtPolicy.RESEND: (StatusName.SUCCESS, None, 1, True),
    }


async def test_row_8_a_post_without_an_outcome_is_settled_by_the_carriers_policy(arena: Arena) -> None:
    """The carrier has it: posted again with the same key, found by asking, flagged, or given up visibly."""
    oracle, sent = await posting.posted_without_outcome(arena)
    ends = {it.policy: (oracle.end_of(it), oracle.posts[f"{it.id}:1"]) for it in sent}
    assert {
        policy: (status.status, status.code_id, posts, status.possible_duplicate)
        for policy, (status, posts) in ends.items()
    } == {
        InDoubtPolicy.RESEND_WITH_KEY: (StatusName.SUCCESS, None, 2, None),
        InDoubtPolicy.QUERY: (StatusName.SUCCESS, None, 1, None),
        InDoubtPolicy.GIVE_UP: (StatusName.FAILED, CodeId.IN_DOUBT, 1, None),
        InDoubtPolicy.RESEND: (StatusName.SUCCESS, None, 2, True),
    }


async def test_row_9_an_outcome_without_a_commit_is_not_posted_again(arena: Arena) -> None:
    """The journal knows what came of it."""
    oracle = await posting.outcome_without_commit(arena)
    assert {1} == set(oracle.posts.values())


async def test_row_10_a_callback_whose_process_died_comes_again_under_the_same_id(arena: Arena) -> None:
    """The endpoint's 2xx was not committed: the same `webhook-id` again, as docs/reliability.md says."""
    oracle = await posting.called_back_without_commit(arena)
    assert [len(it) for it in oracle.callbacks.values()] == [2]


async def test_row_10_a_batch_whose_process_died_comes_again_under_the_same_ids(arena: Arena) -> None:
    """Each event under its own, whichever are together then; what was not in the first POST comes once."""
    oracle, sent = await posting.batch_called_back_without_commit(arena)
    first = told_by(min((it for all_of in oracle.callbacks.values() for it in all_of), key=lambda it: int(it["n"])))
    repeated = {it.data["id"] for it in first}
    assert len(repeated) > 1
    assert {it.id: len(oracle.callbacks[it.id]) for it in sent} == {
        it.id: 2 if it.id in repeated else 1 for it in sent
    }  # fmt: skip


@pytest.mark.parametrize("place", ["handoff.after_produce", "handoff.before_commit", "handoff.after_commit"])
async def test_row_11_no_chain_of_attempts_forks_or_ends(arena: Arena, place: str) -> None:
    """Next tier's record and commit are one: after a death at any point of it there is one chain, and it ends well."""
    oracle = await posting.handed_on(arena, place)
    assert [it.attempt for it in oracle.waiting_messages] == [2]
    assert [it.attempt for it in oracle.waiting_notifications] == [2]
    assert list(oracle.posts.values()) == [1]


async def test_row_12_what_waits_for_its_time_while_its_consumer_dies_comes_in_time_and_once(arena: Arena) -> None:
    """Both tier consumers are paused on a record that is not due; killed and started again they keep its time."""
    await arena.stand()
    await arena.set_fault("inbox/main", status=500, remaining=2)
    told_late = await arena.send()
    await arena.until("the first POST", lambda: any(it["message_id"] == told_late.id for it in arena.ledger()))
    await arena.set_fault("carrier", status=503, remaining=2)
    sent_late = await arena.send()
    await lives.until_waiting(arena, [it[-1] for it in arena.topics.tiers.values()], [told_late, sent_late])
    await asyncio.gather(*(arena.processes[name].kill() for name in ("delivery", "callback")))
    oracle = await Oracle(arena, [told_late, sent_late]).judge()
    assert sorted(it.attempt for it in oracle.waiting_messages) == [2, 3]
    assert sorted(it.attempt for it in oracle.waiting_notifications) == [2, 3]
    late = timedelta(seconds=LATE_SECONDS)
    due = max(it.due_at for it in oracle.waiting_messages)
    assert due <= oracle.end_of(sent_late).ended_at < due + late
    due = max(it.due_at for it in oracle.waiting_notifications)
    (callback,) = oracle.callbacks[told_late.id]
    assert due <= datetime.fromisoformat(callback["at"]) < due + late
    assert {1} == set(oracle.posts.values())


async def test_row_24_the_turn_to_the_failover_outlives_its_process(arena: Arena) -> None:
    """It is neither forgotten nor counted anew: no more is asked of the own endpoint, and the failover is told.

    There it comes again under the same `webhook-id`, for the first 200 was not committed.
    """
    oracle, taken_by_own = await posting.turned_to_failover(arena)
    assert taken_by_own == []
    assert [len(it) for it in oracle.callbacks.values()] == [2]
    assert [it.attempt for it in oracle.waiting_notifications] == [2]
    assert sorted((it.attempt, it.via, it.outcome) for it in oracle.attempts) == [
        (1, None, AttemptOutcome.FAILED), (2, CallbackVia.FAILOVER, AttemptOutcome.ACCEPTED),
    ]  # fmt: skip


async def test_row_25_what_leaves_an_endpoint_that_is_away_outlives_its_process(arena: Arena) -> None:
    """Each notification is told by the failover, whoever has left for it in a life that is over.

    Those that found out that the endpoint is away have one attempt there, in each life; the others have none.
    """
    oracle = await posting.moved_to_failover(arena)
    assert len(oracle.callbacks) == posting.MOVED
    accepted = {it.message_id for it in oracle.attempts if it.outcome is AttemptOutcome.ACCEPTED}
    assert {it.via for it in oracle.attempts if it.outcome is AttemptOutcome.ACCEPTED} == {CallbackVia.FAILOVER}
    assert accepted == oracle.callbacks.keys()
    failed = {it.message_id for it in oracle.attempts if it.outcome is AttemptOutcome.FAILED}
    assert {it.via for it in oracle.attempts if it.outcome is AttemptOutcome.FAILED} == {None}
    assert 0 < len(failed) < posting.MOVED
