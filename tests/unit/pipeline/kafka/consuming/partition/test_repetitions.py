"""What a restarted processor writes a second time is passed over, and nothing else is."""

from aiokafka.structs import OffsetAndMetadata
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.consuming.partition.repetitions import Repetitions
from schemas.headers.causation import Causation


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
    repetitions = Repetitions()
    handed_out = [causation for offset, causation in enumerate(written) if not repetitions.covers(offset, causation, 0)]
    assert handed_out == wanted


def test_a_commit_keeps_the_causations_of_its_prefix_only() -> None:
    """What is handed out and not finished must come again after a restart."""
    assignment = Assignment()
    for offset in range(3):
        assert assignment.hand_out(offset, Causation(0, offset, 0, offset))
        assert assignment.begin()
    assignment.finish(0)
    assignment.finish(2)
    committed = assignment.next_commit(renew=False)
    assert committed is not None
    assert committed.offset == 1
    _, causations, _, _ = committed.metadata.split(";")
    restarted = Assignment(OffsetAndMetadata(1, f"0;{causations};;"))  # what was finished beyond it is another matter
    assert [restarted.hand_out(n, Causation(0, n, 0, n)) for n in (1, 2)] == [True, True]
    again = Assignment(OffsetAndMetadata(9, f"0;{causations};;"))
    assert not again.hand_out(9, Causation(0, 0, 0, 0))
    assert again.position == 10  # a repetition is finished at once
