"""Entries are written in order, together when they must wait anyway, and each caller hears of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kafka.group_commit import SWEEP_FROM, GroupCommit
from tests.event_loop import settle
from tests.fakes.virtual_time import VirtualLoop


class HeldWrite:
    """A write that takes until it is told to end, or no time at all while `open`."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.open = False
        self._release = asyncio.Event()
        self.error: BaseException | None = None

    async def write(self, entries: Sequence[str]) -> None:
        self.groups.append(list(entries))
        if not self.open:
            await self._release.wait()
            self._release.clear()
        if self.error is not None:
            raise self.error

    def acknowledge(self) -> None:
        self._release.set()


@asynccontextmanager
async def running(group: GroupCommit[str]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(group.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_an_idle_group_does_not_wait_for_company() -> None:
    """One entry goes out alone and at once, and its caller hears of it when it is written."""
    held = HeldWrite()
    group = GroupCommit(held.write)
    async with running(group):
        future = group.add("a")
        await settle()
        assert (held.groups, future.done()) == ([["a"]], False)
        held.acknowledge()
        await settle()
        assert (future.result(), len(group._waiting)) == (None, 0)


async def test_who_is_called_by_an_end_shares_its_group() -> None:
    """A message ends and the next one of its number begins: one request to the broker, not two one after the other."""
    held = HeldWrite()
    group = GroupCommit(held.write)
    turn = asyncio.get_running_loop().create_future()

    async def next_in_line() -> None:
        await turn
        group.add("mark of the second")

    async with running(group):
        waiting = asyncio.create_task(next_in_line())
        await settle()
        group.hand_in("end of the first", lambda: None)
        turn.set_result(None)
        await settle()
        assert held.groups == [["end of the first", "mark of the second"]]
        await waiting


async def test_what_arrives_during_a_write_shares_the_next() -> None:
    """In the order of arrival, and nobody is told before the group is written."""
    held = HeldWrite()
    group = GroupCommit(held.write)
    async with running(group):
        first = group.add("a")
        await settle()
        others = [group.add(entry) for entry in "bcd"]
        await settle()
        assert (held.groups, len(group._waiting)) == ([["a"]], 3)
        held.acknowledge()
        await settle()
        assert first.done()
        assert (held.groups, [it.done() for it in others]) == ([["a"], ["b", "c", "d"]], [False] * 3)
        held.acknowledge()
        await settle()
        assert [it.result() for it in others] == [None] * 3


async def test_a_group_has_at_most_max_entries() -> None:
    """The rest makes the next groups."""
    held = HeldWrite()
    held.open = True
    group = GroupCommit(held.write, max_entries=2)
    futures = [group.add(entry) for entry in "abcde"]
    async with running(group):
        await asyncio.gather(*futures)
    assert held.groups == [["a", "b"], ["c", "d"], ["e"]]


async def test_a_group_measures_at_most_max_total() -> None:
    """An entry that is larger than the total goes alone instead of never; order is kept."""
    held = HeldWrite()
    held.open = True
    group = GroupCommit(held.write, max_total=4, measure=len)
    futures = [group.add(entry) for entry in ("aa", "bb", "c", "dddddddd", "e", "ffff", "")]
    async with running(group):
        await asyncio.gather(*futures)
    assert held.groups == [["aa", "bb"], ["c"], ["dddddddd"], ["e"], ["ffff", ""]]


async def test_a_withdrawn_entry_is_not_written() -> None:
    """Its caller has given up before the group was taken."""
    held = HeldWrite()
    group = GroupCommit(held.write, max_entries=2)
    async with running(group):
        group.add("a")
        await settle()
        futures = [group.add(entry) for entry in "bcde"]
        futures[0].cancel()
        futures[2].cancel()
        for _ in range(3):
            held.acknowledge()
            await settle()
    assert held.groups == [["a"], ["c", "e"]]
    assert [it.cancelled() for it in futures] == [True, False, True, False]


async def test_a_group_of_withdrawn_entries_is_no_write() -> None:
    """When nobody waits any more there is nothing to write, and the next entry is served."""
    held = HeldWrite()
    group = GroupCommit(held.write)
    async with running(group):
        group.add("a")
        await settle()
        for entry in "bc":
            group.add(entry).cancel()
        held.acknowledge()
        await settle()
        assert held.groups == [["a"]]
        group.add("d")
        await settle()
        assert held.groups == [["a"], ["d"]]


@pytest.mark.parametrize(("entries", "seconds"), [(1, 0.0), (4, 0.0), (10, 0.5), (16, 1.0), (40, 1.0)])
def test_a_busy_writer_pauses_as_its_last_group_was_large(entries: int, seconds: float) -> None:
    """Few callers who go one step at a time are not held up; many are gathered."""
    begun: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def write(_: Sequence[int]) -> None:
            begun.append(loop.time())

        group = GroupCommit(write, pause_seconds=1.0, idle_to=4, busy_from=16)
        futures = [group.add(n) for n in range(entries)]
        task = asyncio.create_task(group.run())
        await asyncio.gather(*futures)
        await group.add(0)
        task.cancel()

    with closing(VirtualLoop()) as loop:
        loop.run_until_complete(main())
    assert begun == [0.0, seconds]


async def test_giving_up_during_the_write_does_not_disturb_it() -> None:
    """Too late to withdraw: the entry is written, and its neighbours hear of theirs."""
    held = HeldWrite()
    group = GroupCommit(held.write)
    futures = [group.add(entry) for entry in "ab"]
    async with running(group) as task:
        await settle()
        futures[0].cancel()
        held.acknowledge()
        await settle()
        assert (futures[1].result(), task.done()) == (None, False)
    assert held.groups == [["a", "b"]]


async def test_an_error_reaches_the_groups_callers_and_ends_the_run() -> None:
    """Nobody is told that an entry is written when it may not be; later entries are left for whoever restarts."""
    held = HeldWrite()
    group = GroupCommit(held.write)
    first = group.add("a")
    async with running(group) as task:
        await settle()
        second = group.add("b")
        held.error = OSError("no")
        held.acknowledge()
        await settle()
        assert isinstance(task.exception(), OSError)
        assert isinstance(first.exception(), OSError)
        assert (second.done(), len(group._waiting), held.groups) == (False, 1, [["a"]])


async def test_cancelling_the_run_cancels_the_callers_of_the_open_write() -> None:
    """They must not take an interrupted write for a written one."""
    held = HeldWrite()
    group = GroupCommit(held.write)
    first = group.add("a")
    async with running(group) as task:
        await settle()
        task.cancel()
        await settle()
        assert (task.cancelled(), first.cancelled()) == (True, True)


async def test_callers_that_give_up_during_a_hanging_write_leave_nothing_behind() -> None:
    """A held that is silent for an hour must not collect an hour of requests that were given up."""
    held = HeldWrite()
    group = GroupCommit(held.write)
    async with running(group):
        group.add("a")
        await settle()
        kept = [group.add("kept") for _ in range(10)]
        for _ in range(50_000):
            group.add("given up").cancel()
        assert len(group._waiting) < SWEEP_FROM
        held.acknowledge()
        await settle()
        assert held.groups[1:] == [["kept"] * 10]
        held.acknowledge()
        await settle()
        assert [it.done() for it in kept] == [True] * 10


@settings(max_examples=60)
@given(
    steps=st.lists(st.sampled_from(["add", "acknowledge", "withdraw"]), max_size=60),
    max_entries=st.integers(1, 5),
    data=st.data(),
)
async def test_each_entry_is_written_once_in_order_or_was_withdrawn(
    steps: list[str], max_entries: int, data: st.DataObject
) -> None:
    """Over any history of arrivals, acknowledgements and withdrawals."""
    held = HeldWrite()
    group = GroupCommit(held.write, max_entries=max_entries)
    futures: dict[str, asyncio.Future[None]] = {}
    withdrawn: set[str] = set()
    async with running(group):
        for step in steps:
            taken = {entry for it in held.groups for entry in it}
            if step == "add":
                futures[f"{len(futures):03}"] = group.add(f"{len(futures):03}")
            elif step == "acknowledge":
                held.acknowledge()
            elif waiting := sorted(futures.keys() - taken - withdrawn):
                name = data.draw(st.sampled_from(waiting))
                futures[name].cancel()
                withdrawn.add(name)
            await settle()
        held.open = True
        held.acknowledge()
        await settle()
        await asyncio.gather(*(it for name, it in futures.items() if name not in withdrawn))
    written = [entry for it in held.groups for entry in it]
    assert written == sorted(futures.keys() - withdrawn)
    assert max(map(len, held.groups), default=0) <= max_entries


@pytest.mark.parametrize("entries", [1, 3])
async def test_an_entry_added_by_a_callers_answer_is_served(entries: int) -> None:
    """A caller that goes on at once, while the run is between two groups, is not overlooked."""
    held = HeldWrite()
    held.open = True
    group = GroupCommit(held.write)

    async def caller(name: str) -> None:
        await group.add(name)
        await group.add(name + "'")

    async with running(group):
        async with asyncio.timeout(5):
            await asyncio.gather(*(caller(str(n)) for n in range(entries)))
    assert sorted(entry for it in held.groups for entry in it) == sorted(
        name for n in range(entries) for name in (str(n), f"{n}'")
    )
