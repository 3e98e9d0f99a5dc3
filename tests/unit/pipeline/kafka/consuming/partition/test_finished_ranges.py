"""What is finished beyond a hole, as text on a commit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kafka.consuming.partition.finished_ranges import TEXT_LIMIT, FinishedRanges, to_text


@given(st.integers(0, 2**62), st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**6)), max_size=400))
def test_text_holds_the_nearest_ranges_and_no_other(position: int, steps: list[tuple[int, int]]) -> None:
    """What is read back is a beginning of what was written, and all of it where it fits."""
    ranges, at = [], position
    for skipped, count in steps:
        ranges.append(range(at + skipped, at + skipped + count))
        at = ranges[-1].stop
    text = to_text(position, ranges)
    read = FinishedRanges.parse(f"7:{text}", position)
    assert len(text) <= TEXT_LIMIT
    assert (read.at_ms, list(read.ranges)) == (7, ranges[: len(read.ranges)])
    assert len(read.ranges) == len(ranges) or len(text) > TEXT_LIMIT - 16


@pytest.mark.parametrize("text", ["", ":", "x", "5:1", "5:1+", "5:-1+3", "5:1+0", "5:a+b", "a:1+1", "5:1+2+3"])
def test_text_of_somebody_else_covers_nothing(text: str) -> None:
    """Commits can be made by any tool; what cannot be read repeats records, and passes none over."""
    assert FinishedRanges.parse(text, 10).ranges == ()


def test_a_range_covers_its_records_and_is_forgotten_behind_them() -> None:
    """Only records that were there at the time; nothing is kept of what has come."""
    finished = FinishedRanges(50, (range(3, 5), range(8, 9)))
    assert [it for it in range(10) if finished.cover(it, 50)] == [3, 4, 8]
    assert not finished.cover(3, 51)
    assert finished.beyond(3).ranges == finished.ranges
    assert finished.beyond(4).ranges == (range(8, 9),)
    assert finished.beyond(8).ranges == ()
