"""Repetitions are told by where they come from, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kafka.consuming.ack_tracker import AckTracker
from pipeline.kafka.consuming.commits import low_water
from schemas.causation import METADATA_LIMIT, Causation, causation_of, from_metadata, to_metadata


@pytest.mark.parametrize(
    ("causation", "seen", "repeated"),
    [
        (Causation(1, 10, 0, 500), None, False),
        (Causation(1, 10, 0, 500), Causation(1, 10, 0, 500), True),
        (Causation(1, 10, 1, 500), Causation(1, 10, 0, 500), False),
        (Causation(1, 10, 1, 500), Causation(1, 11, 0, 501), True),
        (Causation(1, 11, 0, 501), Causation(1, 10, 7, 500), False),
        # The topic was made anew: it counts from 0, later.
        (Causation(1, 0, 0, 900), Causation(1, 10, 0, 500), False),
    ],
)
def test_only_what_is_not_beyond_the_highest_one_is_a_repetition(
    causation: Causation, seen: Causation | None, repeated: bool
) -> None:
    """Offset and place within the record decide, and a later time says that counting began anew."""
    assert causation.repeats(seen) is repeated


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(0, 6)), min_size=1, max_size=40))
def test_a_replay_from_any_point_adds_nothing(history: list[tuple[int, int, int]]) -> None:
    """A processor that dies at any time and starts again from any earlier record has each record handed out once."""
    wanted: list[Causation] = []
    written: list[Causation] = []
    offsets = dict.fromkeys(range(4), 0)
    for partition, consequences, back in history:
        record = [Causation(partition, offsets[partition], n, offsets[partition]) for n in range(consequences)]
        offsets[partition] += 1
        wanted += record
        written += record
        mine = [it for it in wanted if it.partition == partition]
        written += [it for it in mine if it.offset >= offsets[partition] - back]  # again, in order
    tracker = AckTracker()
    handed_out = [causation for offset, causation in enumerate(written) if tracker.hand_out(offset, causation)]
    assert handed_out == wanted


def test_a_commit_keeps_the_origins_of_its_prefix_only() -> None:
    """What is handed out and not finished must come again after a restart."""
    tracker = AckTracker()
    for offset in range(3):
        assert tracker.hand_out(offset, Causation(0, offset, 0, offset))
        assert tracker.begin()
    tracker.finish(0)
    tracker.finish(2)
    restarted = AckTracker()
    restarted.know(from_metadata(to_metadata(tracker.origins)))
    assert tracker.position == 1
    assert [restarted.hand_out(n, Causation(0, n, 0, n)) for n in (1, 2)] == [True, True]
    again = AckTracker()
    again.know(tracker.origins)
    assert not again.hand_out(9, Causation(0, 0, 0, 0))
    assert again.position == 10  # a repetition is finished at once


def test_headers_and_metadata_survive_anything() -> None:
    """What cannot be read is not known; more than fits is cut to the latest."""
    causation = Causation(3, 7, 1, 99)
    assert causation_of([("other", b"x"), causation.header()]) == causation
    for value in (b"", b"1:2:3", b"a:b:c:d", b"\xff", b"1:2:3:4:5"):
        assert causation_of([("origin", value)]) is None
    many = {n: Causation(n, 10**12, 999, 10**12 + n) for n in range(1000)}
    text = to_metadata(many)
    assert len(text) <= METADATA_LIMIT
    kept = from_metadata(text)
    assert kept
    assert all(many[n] == it for n, it in kept.items())
    assert max(kept) == 999
    assert low_water(None) == 0
