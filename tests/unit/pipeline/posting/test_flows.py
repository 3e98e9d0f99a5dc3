"""Who is next within a flow: lanes in order, and no kind of item starves another."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipeline.posting.flows import Flow, Kind, Lane
from pipeline.posting.peers.peer import Peer
from tests.fakes.clock import Clock


def new_flow() -> Flow[tuple[int, int]]:
    return Flow("trunk", "account", Peer("peer", Clock(), most=8))


ITEMS = st.tuples(st.integers(0, 3), st.sampled_from(Kind))


@given(
    steps=st.lists(
        st.one_of(ITEMS.map(lambda it: ("put", *it)), st.sampled_from(["take", "done", "drain"])), max_size=80
    )
)
def test_a_lane_keeps_its_order_and_works_on_one_item_at_a_time(steps: list[object]) -> None:
    """Whatever is put, taken and finished in which order; lane 0 has no order and no limit."""
    flow = new_flow()
    put = Counter[int]()
    taken: dict[int, list[int]] = {}
    at_work: list[tuple[Lane[tuple[int, int]], int]] = []
    drained: dict[int, int] = {}
    for step in steps:
        if isinstance(step, tuple):
            _, lane, kind = step
            flow.put(lane, kind, (lane, put[lane]))
            put[lane] += 1
        elif step == "take" and flow:
            lane_of, (lane, number) = flow.take()
            assert lane == 0 or lane not in [key for _, key in at_work]
            taken.setdefault(lane, []).append(number)
            at_work.append((lane_of, lane))
        elif step == "done" and at_work:
            lane_of, lane = at_work.pop(0)
            flow.done(lane_of)
        elif step == "drain":
            for lane, number in flow.drain():
                taken.setdefault(lane, []).append(number)
                drained[lane] = number
            assert not flow
    waiting = sum(put.values()) - sum(map(len, taken.values()))
    assert (flow.waiting, flow.busy) == (waiting, len(at_work))
    for lane, numbers in taken.items():
        if lane:
            assert numbers == sorted(numbers)


def test_what_is_old_what_is_new_and_what_is_tried_again_take_turns() -> None:
    """Half of the turns are for what has waited on disk; the others share the rest; one alone has all."""
    flow = new_flow()
    for number in range(100):
        for kind in Kind:
            flow.put(0, kind, (kind, number))
    kinds = Counter(flow.take()[1][0] for _ in range(100))
    assert kinds == {Kind.BACKLOG: 50, Kind.FRESH: 25, Kind.LATER: 25}
    alone = new_flow()
    for number in range(9):
        alone.put(number + 1, Kind.LATER, (0, number))
    assert [alone.take()[1][1] for _ in range(9)] == list(range(9))


def test_a_lane_that_is_done_is_forgotten() -> None:
    """A flow of a million numbers holds those that wait."""
    flow = new_flow()
    for number in range(1, 10_000):
        flow.put(number, Kind.FRESH, (0, 0))
        lane, _ = flow.take()
        flow.done(lane)
    assert len(flow._lanes) == 0
