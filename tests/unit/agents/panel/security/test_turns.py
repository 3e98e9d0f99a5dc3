"""Whose password is checked next."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from agents.panel.security import turns
from agents.panel.security.passwords import TooBusy
from agents.panel.security.throttle import Standing
from agents.panel.security.turns import Turns
from tests.fakes.virtual_time import VirtualLoop

CHECK_SECONDS = 0.03
FRESH = Standing(0, 0.0)


def in_virtual_time(main: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await main()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())


class Queue:
    """Who asks for turns: notes who had one, and when."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.had: list[tuple[str, float]] = []
        self.inside = 0

    async def visit(self, who: str, standing: Standing = FRESH, name: str = "") -> str:
        try:
            async with self.turns.turn(name or who, standing):
                self.inside += 1
                assert self.inside == 1
                self.had.append((who, asyncio.get_running_loop().time()))
                await asyncio.sleep(CHECK_SECONDS)
                self.inside -= 1
        except TooBusy:
            return "busy"
        return "had"


def test_who_has_failed_least_goes_first() -> None:
    """One at a time; who is inside is not sent out, and among equals who came first goes first."""

    async def main() -> None:
        queue = Queue()
        visits = [
            asyncio.create_task(queue.visit(who, Standing(failures, 0.0)))
            for who, failures in (("inside", 9), ("a", 3), ("b", 1), ("c", 1), ("fresh", 0))
        ]
        assert await asyncio.gather(*visits) == ["had"] * 5
        assert [who for who, _ in queue.had] == ["inside", "fresh", "b", "c", "a"]

    in_virtual_time(main)


def test_guesses_at_a_paced_name_come_one_by_one() -> None:
    """Others pass them meanwhile."""

    async def main() -> None:
        queue = Queue()
        paced = Standing(0, 2.0)
        visits = [asyncio.create_task(queue.visit(f"g{n}", paced, "victim")) for n in range(3)]
        visits.append(asyncio.create_task(queue.visit("other", Standing(7, 0.0))))
        await asyncio.gather(*visits)
        assert [(who, round(at, 2)) for who, at in queue.had] == [
            ("g0", 0.0),
            ("other", 0.03),
            ("g1", 2.0),
            ("g2", 4.0),
        ]

    in_virtual_time(main)


def test_the_last_in_the_order_gives_way() -> None:
    """A full room is no reason to refuse who has not failed; among equals who comes last is refused."""

    async def main() -> None:
        queue = Queue()
        guessing = [asyncio.create_task(queue.visit(f"g{n}", Standing(5, 0.0))) for n in range(turns.MAX_WAITING + 1)]
        await asyncio.sleep(0)
        assert await queue.visit("one too many", Standing(5, 0.0)) == "busy"
        assert await queue.visit("fresh") == "had"
        assert [who for who, _ in queue.had] == ["g0", "fresh"]
        outcomes = await asyncio.gather(*guessing)
        assert outcomes == ["had"] * turns.MAX_WAITING + ["busy"]

    in_virtual_time(main)


def test_nobody_waits_for_ever() -> None:
    """Who has waited for too long is told; the place is free for the next."""

    async def main() -> None:
        queue = Queue()
        async with queue.turns.turn("slow", FRESH):
            assert await queue.visit("patient") == "busy"
            assert asyncio.get_running_loop().time() == turns.WAIT_SECONDS
        assert await queue.visit("next") == "had"

    in_virtual_time(main)


@pytest.mark.parametrize("while_waiting", [True, False])
def test_who_goes_away_leaves_the_place_to_the_next(while_waiting: bool) -> None:
    """Also in the moment in which its turn comes."""

    async def main() -> None:
        queue = Queue()
        async with queue.turns.turn("first", FRESH):
            gone = asyncio.create_task(queue.visit("gone"))
            await asyncio.sleep(0)
            if while_waiting:
                gone.cancel()
                await asyncio.gather(gone, return_exceptions=True)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert await queue.visit("next") == "had"
        assert [who for who, _ in queue.had] == ["next"]

    in_virtual_time(main)
