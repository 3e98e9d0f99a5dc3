"""What waits on disk comes back in its order, each lane within its bounds, whatever happens between."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pipeline.posting.backlog import Backlog
from pipeline.posting.row import FlowKey, Row, Stored
from schemas.record import InRecord

FLOWS = [FlowKey("carrier", "trunk 1", "account 1"), FlowKey("carrier", "trunk 2", "account 1"), FlowKey("b", "t", "a")]


def row(seq: int, flow: FlowKey = FLOWS[0], lane: int = 0, stored: Stored = Stored.IN_PLACE, **record: Any) -> Row:
    it = InRecord("topic", 0, seq, 5, b"key", b"value", (("h", b"x"),))._replace(**record)
    return Row(seq, flow, lane, it, 1000 + seq, stored)


class BacklogMachine(RuleBasedStateMachine):
    """A backlog beside a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.backlog = Backlog()
        self.rows: list[Row] = []
        self.seq = 0

    def teardown(self) -> None:
        self.backlog.close()

    @rule(flow=st.sampled_from(FLOWS), lanes=st.lists(st.integers(0, 3), min_size=1, max_size=20))
    def add(self, flow: FlowKey, lanes: list[int]) -> None:
        rows = []
        for lane in lanes:
            self.seq += 1
            rows.append(row(self.seq, flow, lane, partition=self.seq % 2))
        assert self.backlog.add(rows) == rows
        self.rows += rows

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def add_again(self, data: st.DataObject) -> None:
        """A record that is here is not added a second time."""
        assert self.backlog.add([data.draw(st.sampled_from(self.rows))._replace(seq=10**9)]) == []

    @rule(
        flow=st.sampled_from(FLOWS), count=st.integers(1, 12), room=st.lists(st.integers(0, 5), min_size=4, max_size=4)
    )
    def take(self, flow: FlowKey, count: int, room: list[int]) -> None:
        """Lane by lane in order; no lane more than it has room for; as much as there is."""
        waiting = [it for it in self.rows if it.flow == flow]
        taken = self.backlog.take(flow, count, lambda lane: room[lane] if lane else 99)
        assert len(taken) <= count
        for lane in range(4):
            got = [it for it in taken if it.lane == lane]
            able = [it for it in waiting if it.lane == lane and it.stored in (Stored.IN_PLACE, Stored.PARKED)]
            assert got == able[: len(got)]
            if lane:
                assert len(got) <= room[lane]
                # Nothing passes what is on its way.
                firsts = [it for it in waiting if it.lane == lane][: len(got)]
                assert got == firsts
        if len(taken) < count:
            left = [it for it in waiting if it not in taken and it.stored in (Stored.IN_PLACE, Stored.PARKED)]
            assert all(it.lane for it in left)
        self.rows = [it for it in self.rows if it not in taken]

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), stored=st.sampled_from([Stored.IN_PLACE, Stored.ON_ITS_WAY, Stored.PARKED]))
    def store(self, data: st.DataObject, stored: Stored) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self.rows), max_size=5, unique_by=lambda it: it.seq))
        self.backlog.store(chosen, stored)
        seqs = {it.seq for it in chosen}
        self.rows = [it._replace(stored=stored) if it.seq in seqs else it for it in self.rows]

    @rule(partition=st.integers(0, 1), stays=st.booleans())
    def commit_passes(self, partition: int, stays: bool) -> None:
        position = self.seq - 3
        self.backlog.passed("topic", partition, position, stays=stays)
        kept = []
        for it in self.rows:
            on_its_way = it.stored is Stored.ON_ITS_WAY and it.record.partition == partition
            if on_its_way and it.record.offset < position:
                if stays:
                    kept.append(it._replace(stored=Stored.PARKED))
            else:
                kept.append(it)
        self.rows = kept

    @rule()
    def partitions_move(self) -> None:
        self.backlog.forget("topic")
        self.rows = [it for it in self.rows if it.stored is Stored.PARKED]

    @rule(now=st.integers(1000, 1100))
    def time_passes(self, now: int) -> None:
        ended = self.backlog.expired(now, 100)
        wanted = [it for it in self.rows if it.expires_ms <= now and it.stored is not Stored.ON_ITS_WAY]
        assert ended == wanted
        self.rows = [it for it in self.rows if it not in ended]

    @invariant()
    def counts_hold(self) -> None:
        assert dict(self.backlog.counts) == dict(Counter(it.flow for it in self.rows))
        assert len(self.backlog) == len(self.rows)
        for flow in FLOWS:
            for lane in range(1, 4):
                here = any(it.flow == flow and it.lane == lane for it in self.rows)
                assert self.backlog.holds(flow, lane) is here
        for peer in ("carrier", "b"):
            assert self.backlog.waiting_for(peer) == sum(it.flow.peer == peer for it in self.rows)


TestBacklog = BacklogMachine.TestCase
TestBacklog.settings = settings(max_examples=100, stateful_step_count=30)


def test_one_number_with_ten_thousand_messages_is_in_nobodys_way() -> None:
    """What is behind it is found at once, and its own order stays."""
    backlog = Backlog()
    backlog.add([row(n, lane=7) for n in range(10_000)])
    backlog.add([row(10_000, lane=8), row(10_001, lane=7)])
    room = {7: 2}
    taken: list[Row] = []
    for _ in range(10):
        taken += backlog.take(FLOWS[0], 50, lambda lane: room.get(lane, 30))
        room[7] = 0
    assert [(it.lane, it.seq) for it in taken] == [(7, 0), (7, 1), (8, 10_000)]
    order: list[int] = []
    room[7] = 100
    while rows := backlog.take(FLOWS[0], 100, lambda _: 100):
        order += [it.seq for it in rows]
    assert order == [*range(2, 10_000), 10_001]
    backlog.close()


@pytest.mark.parametrize("key", [None, b"", b"\xff"])
@pytest.mark.parametrize("headers", [(), (("a", b""), ("a", b"\x00\xff"))])
def test_a_record_comes_back_as_it_was(key: bytes | None, headers: tuple[tuple[str, bytes], ...]) -> None:
    """To the byte."""
    backlog = Backlog()
    kept = row(1, key=key, headers=headers, value=b"\x00" * 70_000, offset=2**50)
    backlog.add([kept])
    assert backlog.find("topic", 0, 2**50) == kept
    assert backlog.take(FLOWS[0], 1, lambda _: 1) == [kept]
    assert backlog.find("topic", 0, 2**50) is None
    backlog.close()


def test_what_is_being_read_is_not_taken_until_all_is_read() -> None:
    """It may be done already: that comes later in the topic."""
    backlog = Backlog()
    backlog.add([row(1, stored=Stored.BEING_READ), row(2, stored=Stored.BEING_READ)])
    assert backlog.take(FLOWS[0], 5, lambda _: 5) == []
    found = backlog.find("topic", 0, 1)
    assert found is not None
    backlog.drop([found])
    backlog.all_is_read()
    assert [it.seq for it in backlog.take(FLOWS[0], 5, lambda _: 5)] == [2]
    backlog.close()
