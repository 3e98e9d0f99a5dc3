"""Whose password is checked next, when many strangers want to log in at once.

Checking a password is slow on purpose, so checks are what a spray of guesses uses up. Strangers have one of the two
places where passwords are checked (`Passwords`), the other one is for people who are logged in and for browsers that
are known. Among strangers those go first whose address has failed least, then who came first: somebody who has just
come to log in passes everybody who has guessed before. Guesses at one name can be kept apart in time.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

from agents.panel.security.passwords import TooBusy
from agents.panel.security.throttle import Standing

MAX_WAITING: Final = 64
WAIT_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    failures: int
    number: int
    name: str
    pace_seconds: float
    turn: asyncio.Future[None]

    @property
    def rank(self) -> tuple[int, int]:
        return self.failures, self.number


class Turns:
    """Lets one in at a time. Of those that wait there are `MAX_WAITING`; the last in the order gives way."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._numbers = count()
        self._is_taken = False
        self._not_before: dict[str, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self, name: str, standing: Standing) -> AsyncIterator[None]:
        """Wait for a turn and have it. Raises `TooBusy` for one that gave way, or has waited for too long."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(standing.failures, next(self._numbers), name, standing.pace_seconds, loop.create_future())
        self._waiting.append(waiting)
        if len(self._waiting) > MAX_WAITING:
            last = max(self._waiting, key=lambda it: it.rank)
            self._waiting.remove(last)
            if not last.turn.done():
                last.turn.set_exception(TooBusy())
        self._serve()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await waiting.turn
        except BaseException as error:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            elif waiting.turn.done() and not waiting.turn.cancelled() and waiting.turn.exception() is None:
                self._give_back()  # it came in the moment in which nobody waited for it any more
            if isinstance(error, TimeoutError):
                raise TooBusy from None
            raise
        try:
            yield
        finally:
            self._give_back()

    def _give_back(self) -> None:
        self._is_taken = False
        self._serve()

    def _serve(self) -> None:
        """Let in who is first in the order and not too early; come back when the first of them no longer is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # Who has just gone away, or has waited for too long, is still in the list until its task runs.
        waiting = [it for it in self._waiting if not it.turn.done()]
        if self._is_taken or not waiting:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._not_before = {name: at for name, at in self._not_before.items() if at > now}
        ready = [it for it in waiting if it.name not in self._not_before]
        if not ready:
            self._timer = loop.call_at(min(self._not_before[it.name] for it in waiting), self._serve)
            return
        first = min(ready, key=lambda it: it.rank)
        self._waiting.remove(first)
        if first.pace_seconds:
            self._not_before[first.name] = now + first.pace_seconds
        self._is_taken = True
        first.turn.set_result(None)
