"""Row 23: wherever the scheduler dies, what waits leaves it once."""

import pytest

from schemas.messages.status import StatusName
from tests.arena.arena import Arena
from tests.crash.oracle import Oracle
from tests.crash.rows import scheduled

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


def outcomes(oracle: Oracle) -> list[str]:
    return sorted(it.status for found in oracle.statuses.values() for it in found)


ONE_EACH = [*[StatusName.CANCELED] * 3, *[StatusName.SUCCESS] * 3]


@pytest.mark.parametrize("passing", [1, 2])
@pytest.mark.parametrize("place", ["scheduler.before_release", "scheduler.after_release"])
async def test_row_23_what_leaves_does_so_once(arena: Arena, place: str, passing: int) -> None:
    """With nothing written, or with all of it known to the topic alone; of what was cancelled, and of what is due."""
    oracle = await scheduled.leaving_and_killed(arena, place, passing=passing)
    assert outcomes(oracle) == ONE_EACH
    assert max(oracle.posts.values()) == 1


async def test_row_23_what_was_written_and_not_committed_has_not_left(arena: Arena) -> None:
    """Between release and commit: the transaction is given up, and all of it leaves with the next life."""
    assert outcomes(await scheduled.written_and_killed(arena)) == ONE_EACH
