"""Work that stands still is told from work that moves, from no work, and from what nobody has watched."""

import pytest
from aiokafka import TopicPartition

from pipeline.kafka.admin.group_offsets import PartitionOffsets
from pipeline.kafka.consuming.watchdog import Standstill

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
    standstill = Standstill(LIMIT)
    found = None
    for now, position in enumerate(positions):
        if position is None:
            standstill.lose_sight()
        elif standstill.look(float(now), {PLACE: PartitionOffsets(0, position[1], position[0])}) and found is None:
            found = now
    assert found == stuck_at


def test_time_that_nobody_has_watched_does_not_count() -> None:
    """A process that was stopped for an hour is not stuck when it goes on; one that stands still after that is."""
    standstill = Standstill(LIMIT)
    offsets = {PLACE: PartitionOffsets(0, 9, 5)}
    assert standstill.look(0.0, offsets) == []
    assert [standstill.look(3600.0 + second, offsets) for second in range(9)] == [*[[]] * 8, [PLACE]]


def test_one_partition_that_moves_does_not_hide_another() -> None:
    """Each is watched for itself."""
    standstill = Standstill(LIMIT)
    looks = [
        standstill.look(n, {PLACE: PartitionOffsets(0, 9, 5), OTHER: PartitionOffsets(0, 99, n)}) for n in range(9)
    ]
    assert looks[-1] == [PLACE]


def test_retention_that_overtakes_a_group_leaves_it_no_lag_behind_the_topics_begin() -> None:
    """What the broker has deleted waits no longer."""
    assert (PartitionOffsets(10, 10, 4).lag, PartitionOffsets(10, 12, 4).lag, PartitionOffsets(0, 3, 5).lag) == (
        0,
        2,
        0,
    )
