"""Work that stands still is told from work that moves, from no work, and from what nobody has watched."""

import pytest
from aiokafka import TopicPartition

from pipeline.kafka.admin.group_offsets import Standing
from pipeline.kafka.consuming.watchdog import Progress

PLACE, OTHER = TopicPartition("t", 0), TopicPartition("t", 1)
LIMIT = 8.0


@pytest.mark.parametrize(
    ("positions", "stuck_at"),
    [
        ([(5, 9)] * 12, 8),
        ([(None, 9)] * 12, 8),
        ([(9, 9)] * 12, None),
        ([(None, 0)] * 12, None),
        ([(5 + n, 99) for n in range(12)], None),
        ([(5, 9)] * 7 + [(6, 9)] * 5, None),
        ([(5, 9)] * 3 + [(9, 9)] + [(9, 10)] * 12, 12),
        ([(5, 9)] * 5 + [None] + [(5, 9)] * 8, None),
        ([(5, 9)] * 5 + [None] * 6 + [(5, 9)] * 9, 19),
    ],
    ids=[
        "stands", "nothing committed yet", "done", "empty", "moves", "moves in time", "new work stands",
        "one look without an answer", "stands again after an outage",
    ],
)  # fmt: skip
def test_a_partition_is_stuck_when_it_has_work_and_stands(
    positions: list[tuple[int | None, int] | None], stuck_at: int | None
) -> None:
    """One look a second; each is (committed, end), None when the broker did not answer."""
    progress = Progress(LIMIT)
    found = None
    for now, position in enumerate(positions):
        if position is None:
            progress.lose_sight()
        elif progress.look(float(now), {PLACE: Standing(0, position[1], position[0])}) and found is None:
            found = now
    assert found == stuck_at


def test_time_that_nobody_has_watched_does_not_count() -> None:
    """A process that was stopped for an hour is not stuck when it goes on; one that stands still after that is."""
    progress = Progress(LIMIT)
    standing = {PLACE: Standing(0, 9, 5)}
    assert progress.look(0.0, standing) == []
    assert [progress.look(3600.0 + second, standing) for second in range(9)] == [*[[]] * 8, [PLACE]]


def test_one_partition_that_moves_does_not_hide_another() -> None:
    """Each is watched for itself."""
    progress = Progress(LIMIT)
    looks = [progress.look(n, {PLACE: Standing(0, 9, 5), OTHER: Standing(0, 99, n)}) for n in range(9)]
    assert looks[-1] == [PLACE]


def test_retention_that_overtakes_a_group_leaves_it_no_lag_behind_the_topics_begin() -> None:
    """What the broker has deleted waits no longer."""
    assert (Standing(10, 10, 4).lag, Standing(10, 12, 4).lag, Standing(0, 3, 5).lag) == (0, 2, 0)
