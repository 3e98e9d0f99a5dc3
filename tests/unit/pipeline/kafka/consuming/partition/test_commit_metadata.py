"""What rides on a commit comes back as it was, and what somebody else has written there counts as nothing."""

import pytest
from aiokafka.structs import OffsetAndMetadata
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kafka.consuming.partition.commit_metadata import CommitMetadata
from pipeline.kafka.consuming.partition.finished_ranges import FinishedRanges
from schemas.headers.causation import Causation

CAUSATIONS = st.builds(Causation, st.integers(0, 9), *[st.integers(0, 2**50)] * 3)


@given(
    position=st.integers(0, 2**50),
    low_water=st.integers(0, 2**50),
    causations=st.lists(CAUSATIONS, max_size=5),
    steps=st.lists(st.tuples(st.integers(0, 99), st.integers(1, 99)), max_size=5),
    row=st.integers(0, 1000),
)
def test_what_was_committed_is_read_back(
    position: int, low_water: int, causations: list[Causation], steps: list[tuple[int, int]], row: int
) -> None:
    """Every part, whatever the others are."""
    ranges, at = [], position
    for skipped, count in steps:
        ranges.append(range(at + skipped, at + skipped + count))
        at = ranges[-1].stop
    metadata = CommitMetadata(low_water, {it.partition: it for it in causations}, FinishedRanges(7, tuple(ranges)), row)
    read = CommitMetadata.parse(OffsetAndMetadata(position, metadata.text(position)))
    assert (read.low_water, dict(read.causations), read.row) == (low_water, metadata.causations, row)
    assert (read.finished and read.finished.ranges) == tuple(ranges)


@pytest.mark.parametrize(
    "text", ["", ";", "x", "-1;a:b;5:1;-3", ";;;;;;", "\N{ROMAN NUMERAL TWO};;;\N{SUPERSCRIPT TWO}"]
)
def test_text_of_somebody_else_says_nothing(text: str) -> None:
    """Commits can be made by any tool."""
    read = CommitMetadata.parse(OffsetAndMetadata(10, text))
    assert (read.low_water, dict(read.causations), read.row) == (0, {}, 0)
    assert read.finished is not None
    assert read.finished.ranges == ()
    assert CommitMetadata.parse(None) == CommitMetadata()
