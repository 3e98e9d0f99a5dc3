"""Lanes: order per key, work in parallel across keys, errors that end everything."""

import asyncio

import pytest

from pipeline.posting.lanes import Lanes


async def test_items_of_one_key_are_worked_in_order() -> None:
    """An item waits for every earlier one of its key, however slow."""
    done: list[tuple[bytes, int]] = []
    finished = asyncio.Event()

    async def work(item: tuple[bytes, int]) -> None:
        for _ in range(item[1] % 3):
            await asyncio.sleep(0)
        done.append(item)
        if len(done) == 40:
            finished.set()

    lanes = Lanes(8, work, asyncio.create_task)
    for number in range(20):
        for key in (b"a", b"b"):
            lanes.put(key, (key, number))
    await finished.wait()
    lanes.close()
    assert [n for key, n in done if key == b"a"] == list(range(20))
    assert [n for key, n in done if key == b"b"] == list(range(20))


async def test_a_stuck_key_leaves_others_alone() -> None:
    """Whatever hangs holds up what has its key, and nothing else."""
    done: list[str] = []
    finished = asyncio.Event()

    async def work(item: str) -> None:
        if item == "stuck":
            await asyncio.Event().wait()
        done.append(item)
        if len(done) == 50:
            finished.set()

    lanes = Lanes(2, work, asyncio.create_task)
    lanes.put(b"a", "stuck")
    lanes.put(b"a", "behind it")
    for number in range(50):
        lanes.put(str(number).encode(), str(number))
    await asyncio.wait_for(finished.wait(), 5)
    assert done == [str(number) for number in range(50)]
    assert lanes.waiting == 1
    lanes.close()


class Hall:
    """Items stay in work until they are let go."""

    def __init__(self, most: int) -> None:
        self.inside: list[str] = []
        self.most = 0
        self._doors: dict[str, asyncio.Event] = {}
        self.lanes = Lanes(most, self.work, asyncio.create_task)

    async def work(self, item: str) -> None:
        self.inside.append(item)
        self.most = max(self.most, len(self.inside))
        self._doors[item] = asyncio.Event()
        await self._doors[item].wait()
        self.inside.remove(item)

    async def let_go(self, *items: str) -> None:
        for item in items:
            self._doors[item].set()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


async def test_no_more_are_in_work_than_allowed_and_a_change_counts_at_once() -> None:
    """Up: more begin without anything else happening; down: what is in work goes on, and less begins."""
    hall = Hall(1)
    for name in "abcdef":
        hall.lanes.put(name.encode(), name)
    await hall.settle()
    assert hall.inside == ["a"]
    hall.lanes.allow(4)
    await hall.settle()
    assert hall.inside == ["a", "b", "c", "d"]
    hall.lanes.allow(2)
    await hall.let_go("a", "b")
    assert hall.inside == ["c", "d"]
    await hall.let_go("c")
    assert hall.inside == ["d", "e"]
    await hall.let_go("d", "e")
    await hall.let_go("f")
    assert hall.lanes.at_rest
    hall.lanes.close()


async def test_what_nobody_has_begun_can_be_taken_back() -> None:
    """The newest first, in the order in which they came; what is in work stays, and so does what is left."""
    hall = Hall(1)
    for key, name in [("x", "1"), ("x", "2"), ("x", "3"), ("y", "4"), ("z", "5"), ("y", "6")]:
        hall.lanes.put(key.encode(), name)
    await hall.settle()
    assert hall.lanes.waiting == 5
    assert hall.lanes.take_back(0) == hall.lanes.take_back(-3) == []
    assert hall.lanes.take_back(1) == ["3"]
    assert sorted(hall.lanes.take_back(100)) == ["2", "4", "5", "6"]
    assert (hall.lanes.waiting, hall.inside) == (0, ["1"])
    hall.lanes.put(b"x", "7")
    hall.lanes.put(b"y", "8")
    await hall.let_go("1")
    await hall.let_go("8")  # it was ready before the one that had to wait behind its key
    assert hall.inside == ["7"]
    await hall.let_go("7")
    assert hall.lanes.at_rest
    hall.lanes.close()


async def test_an_error_ends_the_group_that_the_workers_are_in() -> None:
    """An error of one item is raised, so that the process ends."""

    async def work(item: str) -> None:
        raise RuntimeError(item)

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            Lanes(4, work, group.create_task).put(b"a", "broken")

    with pytest.raises(ExceptionGroup) as raised:
        await run()
    assert [str(error) for error in raised.value.exceptions] == ["broken"]
