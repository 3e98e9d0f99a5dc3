"""Several limits as one, on an event loop whose time costs nothing."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pipeline.posting.peers.limit import Limit
from pipeline.posting.peers.together import Together, joined
from tests.fakes.virtual_time import VirtualLoop


def run(story: Callable[[asyncio.AbstractEventLoop], Coroutine[Any, Any, None]]) -> None:
    loop = VirtualLoop()
    try:
        loop.run_until_complete(story(loop))
    finally:
        loop.close()


def limits(loop: asyncio.AbstractEventLoop) -> tuple[Limit, Limit]:
    """One that has a token each tenth of a second, and one that has one each second; both begin empty."""
    return Limit(loop.time, 10, 1, 1), Limit(loop.time, 1, 1, 1)


def test_one_of_several_is_itself() -> None:
    """And none is none: what has no limit pays nothing."""
    loop = VirtualLoop()
    quick, slow = limits(loop)
    assert joined(None, None) is None
    assert joined(None, slow) is slow
    assert isinstance(joined(quick, slow), Together)
    loop.close()


def test_a_segment_goes_when_all_have_room() -> None:
    """The slowest says when, and each has its token taken."""

    async def story(loop: asyncio.AbstractEventLoop) -> None:
        quick, slow = limits(loop)
        both = Together((quick, slow))
        assert not both.is_free
        went = []
        for _ in range(3):
            await both.wait()
            went.append(round(loop.time(), 3))
        assert went == [1, 2, 3]
        assert not slow.is_free

    run(story)


def test_who_gives_up_gives_back_what_is_taken() -> None:
    """What waits for the account must not keep the trunk's token for ever."""

    async def story(loop: asyncio.AbstractEventLoop) -> None:
        quick, slow = limits(loop)
        await asyncio.sleep(0.5)
        waiting = asyncio.create_task(Together((quick, slow)).wait())
        await asyncio.sleep(0)
        assert not quick.is_free
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert quick.is_free

    run(story)


def test_whoever_wants_one_is_called_until_all_are_free() -> None:
    """By the one that is not; who is called looks again."""

    async def story(loop: asyncio.AbstractEventLoop) -> None:
        quick, slow = limits(loop)
        both, called = Together((slow, quick)), list[float]()
        done = asyncio.Event()

        def look() -> None:
            if both.is_free:
                both.take()
                called.append(round(loop.time(), 3))
                done.set()
            else:
                both.when_free("me", look)

        look()
        await done.wait()
        assert called == [1]

    run(story)
