"""The message log has answers while it keeps up, whatever a second brings, and not while it has much to catch up."""

import pytest

from agents.message_log.distance import NEAR_RECORDS, NEAR_SECONDS, Distance

FULL_RATE = 20_000
"""Records a second at the full rate of the whole pipeline: five for each message."""


@pytest.mark.parametrize(
    ("ahead", "written_a_second", "is_near"),
    [
        (0, 0, True),
        (NEAR_RECORDS - 1, 0, True),
        (NEAR_RECORDS, 0, False),
        # What has gathered for two seconds, and the two before, which are being written.
        (4 * FULL_RATE, FULL_RATE, True),
        (NEAR_SECONDS * FULL_RATE, FULL_RATE, False),
        (1_000_000, 40_000, False),
    ],
)
def test_behind_is_what_takes_more_than_seconds_to_write(ahead: int, written_a_second: int, is_near: bool) -> None:
    distance = Distance()
    assert not distance.is_near
    for second in range(3 * NEAR_SECONDS):
        distance.look(ahead, 5_000_000 + second * written_a_second)
    assert distance.is_near is is_near


def test_a_pace_of_long_ago_counts_no_more() -> None:
    distance = Distance()
    for second in range(NEAR_SECONDS):
        distance.look(0, second * FULL_RATE)
    for _ in range(NEAR_SECONDS - 1):
        distance.look(2 * NEAR_RECORDS, NEAR_SECONDS * FULL_RATE)
    assert distance.is_near
    distance.look(2 * NEAR_RECORDS, NEAR_SECONDS * FULL_RATE)
    assert not distance.is_near
