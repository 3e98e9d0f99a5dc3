"""Each protection is taken away, the row that it is for is run, and the oracle must see what then goes wrong.

Without these the matrix would prove nothing: a row that kills in the wrong place holds with and without protection.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from tests.arena.arena import Arena
from tests.crash.oracle import Broken
from tests.crash.rows import door, group, posting, receipts, scheduled, stopping

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SOON = 10.0  # seconds, in which whatever comes at all has come

Row = Callable[..., Awaitable[Any]]


@pytest.mark.parametrize(
    ("protection", "agents", "row", "complaint"),
    [
        pytest.param(protection, agents, row, complaint, id=f"{protection}-{'-'.join(agents)}")
        for protection, agents, row, complaint in (
            ("answers_before_it_is_stored", ["ingress"], door.accepted_and_killed, "lost: .* has no status"),
            ("forgets_idempotency_keys", ["ingress", "processor"], door.lost_answer, "sent twice in silence"),
            ("acks_before_its_outputs", ["processor"], door.outputs_half_written, "lost: .* has no status"),
            ("believes_every_origin", ["delivery"], door.outputs_written_twice, "sent twice in silence"),
            ("writes_no_marks", ["delivery"], posting.posted_without_outcome, "sent twice in silence"),
            ("ignores_the_journal", ["delivery"], posting.outcome_without_commit, "sent twice in silence"),
            ("tells_again", ["delivery"], posting.outcome_without_commit, "attempt repeated"),
            ("commits_before_the_outcome", ["delivery"], posting.posted_without_outcome, "lost: .* has no status"),
            (
                "hands_on_without_a_transaction",
                ["delivery", "callback"],
                partial(posting.handed_on, place="handoff.after_produce"),
                "chain forked",
            ),
            ("finishes_before_it_hands_on", ["callback"], posting.failed_and_killed, "never called back"),
            ("counts_attempts_anew", ["callback"], posting.turned_to_failover, "never called back"),
            (
                "forgets_what_moves_on",
                ["callback"],
                partial(posting.moved_to_failover, limit_seconds=SOON),
                "never called back",
            ),
            ("trusts_its_lease", ["delivery"], stopping.delivery_before_it_posts, "sent twice in silence"),
            (
                "shares_a_slot",
                ["delivery"],
                partial(stopping.replaced_before_it_posts, limit_seconds=3 * SOON),
                "left over|sent twice",
            ),
            ("skips_the_drain", ["delivery"], group.drained, "sent twice in silence"),
            ("drops_dead_letters", ["processor"], door.poison, "not visible: .*sms.mt.submitted"),
            ("drops_dead_letters", ["delivery"], posting.marked_and_not_posted, "not visible: .* ended in doubt"),
            ("drops_dead_letters", ["callback"], door.poison, "not visible: .*sms.mt.status"),
            ("forgets_what_it_gathered", ["receipts"], receipts.after_telling, "two ends"),
            ("tells_outside_of_the_transaction", ["receipts"], receipts.inside, "two ends"),
            ("drops_early_receipts", ["receipts"], partial(receipts.early, limit_seconds=SOON), "never ended"),
            ("is_not_fenced", ["receipts"], receipts.stopped, "two ends"),
            (
                "answers_receipts_before_they_are_stored",
                ["ingress"],
                partial(receipts.receipt_answered_and_killed, limit_seconds=SOON),
                "never ended",
            ),
            (
                "releases_outside_of_the_transaction",
                ["scheduler"],
                scheduled.released_apart,
                "sent twice in silence",
            ),
            (
                "forgets_before_it_releases",
                ["scheduler"],
                partial(scheduled.released_apart, limit_seconds=SOON),
                "lost: .* has no status",
            ),
            ("makes_new_webhook_ids", ["callback"], posting.called_back_without_commit, "another webhook-id"),
        )
    ],
)
async def test_without_its_protection_a_row_does_not_hold(
    arena: Arena, protection: str, agents: list[str], row: Row, complaint: str
) -> None:
    """The row is the same, and only the named agents lack the protection."""
    with pytest.raises(Broken, match=complaint):
        await row(arena, variants=dict.fromkeys(agents, protection))
