"""Lanes: order per key, work in parallel across keys, errors that end everything."""

import asyncio

import pytest

from pipeline.lanes import Lanes


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

    lanes = Lanes(8, work)
    for number in range(20):
        for key in (b"a", b"b"):
            lanes.put(key, (key, number))
    running = asyncio.create_task(lanes.run())
    await finished.wait()
    running.cancel()
    assert [n for key, n in done if key == b"a"] == list(range(20))
    assert [n for key, n in done if key == b"b"] == list(range(20))


async def test_a_stuck_key_leaves_others_alone() -> None:
    """Items of another lane are worked while one never ends."""
    done = asyncio.Event()

    async def work(item: str) -> None:
        if item == "stuck":
            await asyncio.Event().wait()
        done.set()

    lanes = Lanes(2, work)
    lanes.put(b"a", "stuck")
    lanes.put(b"d", "free")  # crc32 puts a and d into different ones of two lanes
    running = asyncio.create_task(lanes.run())
    await asyncio.wait_for(done.wait(), 5)
    running.cancel()


async def test_an_error_ends_all_lanes() -> None:
    """An error of one item is raised by `run`, so that the process ends."""

    async def work(item: str) -> None:
        raise RuntimeError(item)

    lanes = Lanes(4, work)
    lanes.put(b"a", "broken")
    with pytest.raises(ExceptionGroup) as raised:
        await lanes.run()
    assert [str(error) for error in raised.value.exceptions] == ["broken"]
