"""What others let out of an account's trunks, and that nothing is fetched for nobody."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any, cast

from structlog.testing import capture_logs

from pipeline.kafka.views.account_screens_view import AccountScreensView
from pipeline.limits.counts import Position
from pipeline.limits.guards import Guarded, Stop
from pipeline.limits.recent import Keys
from pipeline.limits.screens import LOOKS, MOST, Screens
from schemas.record import InRecord
from schemas.state.day_count import Place
from schemas.state.screening import Guard, Passed, Screening
from schemas.topics import SCREENED
from tests.builders import uuid

ACCOUNT, TRUNK, OTHER = uuid(1), uuid(11), uuid(12)
NUMBER = "15551234567"
AT_MS = 100_000_000
STOP = Stop(Guard.NUMBER, 5, 10, of_account=True)
GUARDED = Guarded(ACCOUNT, (STOP,))


def screening(offset: int, at_ms: int = AT_MS, account_id: str | None = ACCOUNT) -> bytes:
    passed = Passed(offset=offset, message=0, at_ms=at_ms, number=NUMBER)
    return Screening(
        trunk_id=TRUNK, account_id=account_id, screened_to=Place(offset=offset, message=0), at_ms=at_ms,
        passed=(passed,),
    ).to_bytes()  # fmt: skip


class Topic:
    """Stands for a follower: values of one partition, and what is asked of it."""

    def __init__(self, *values: bytes | None) -> None:
        self.values = list(values)
        self.next = 0
        self.is_paused = False
        self.looked_back: list[float] = []
        self.takes = 0

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def look_back(self, *, seconds: float, records: int) -> None:
        assert records > 0
        self.looked_back.append(seconds)
        self.next = 0

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False

    async def ends(self) -> dict[int, int]:
        return {0: len(self.values)}

    async def read_to(self, ends: Mapping[int, int], *, at_once: int) -> AsyncGenerator[list[InRecord]]:
        yield await self.take(at_once=at_once)

    async def take(self, *, at_once: int) -> list[InRecord]:
        assert self.looked_back
        assert not self.is_paused
        self.takes += 1
        await asyncio.sleep(0)
        taken = self.values[self.next :][:at_once]
        begin, self.next = self.next, self.next + len(taken)
        return [InRecord(SCREENED, 0, begin + i, AT_MS, None, it, ()) for i, it in enumerate(taken)]


class Site:
    """A view of a topic, and how far back the windows of accounts reach."""

    def __init__(self, *values: bytes | None, reach_seconds: int = 600, most: int = MOST) -> None:
        self.topic = Topic(*values)
        self.reach_seconds = reach_seconds
        self.screens = Screens(most)
        self.view = AccountScreensView(
            cast("Any", self.topic), self.screens, guards_of={ACCOUNT: GUARDED}.get,
            reach_seconds=lambda: self.reach_seconds,
        )  # fmt: skip

    def counted(self, at_ms: int = AT_MS) -> int:
        window = self.screens.recent(ACCOUNT).window(Guard.NUMBER)
        return window.count(Keys.of(NUMBER, None).number, at_ms, STOP.span_ms)

    async def follow(self, turns: int = 20) -> None:
        following = asyncio.create_task(self.view.follow())
        for _ in range(turns):
            await asyncio.sleep(0)
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


async def test_it_is_read_before_anything_is_screened_and_followed_from_then_on() -> None:
    """Each message counts once, however often a record says it; a record of no guarded account is passed over."""
    site = Site(screening(0), screening(1), screening(1), screening(9, account_id=None), screening(9, account_id=OTHER))
    await site.view.start()
    assert (site.counted(), site.topic.looked_back) == (2, [600])
    site.topic.values += [screening(1), screening(2)]
    await site.follow()
    assert site.counted() == 3
    assert len(site.screens) == 0  # how far a partition is screened only says who works on it


async def test_what_is_let_out_here_is_not_counted_again() -> None:
    """Its own records come back to it."""
    site = Site(screening(0), screening(1))
    for offset in range(2):
        site.screens.let_out((0, TRUNK), Position(offset, 0, AT_MS), NUMBER, None, (GUARDED,))
    await site.view.start()
    assert site.counted() == 2


async def test_what_is_taken_back_here_may_come_from_the_next_owner() -> None:
    """It has not been let out, and is only when somebody says so."""
    site = Site(screening(0))
    mark = site.screens.mark()
    site.screens.let_out((0, TRUNK), Position(0, 0, AT_MS), NUMBER, None, (GUARDED,))
    site.screens.undo(mark)
    assert site.counted() == 0
    await site.view.start()
    assert site.counted() == 1


async def test_nothing_is_fetched_while_no_account_has_a_limit() -> None:
    """With the first one it begins, with the last it ends; with the next it reads what it has missed."""
    site = Site(screening(0), reach_seconds=0)
    await site.view.start()
    await site.follow()
    assert site.topic.takes == 0
    site.reach_seconds = 60
    await site.follow()
    assert (site.counted(), site.topic.looked_back) == (1, [60])
    site.reach_seconds = 0
    await site.follow()
    takes = site.topic.takes
    site.topic.values.append(screening(1))
    await site.follow()
    assert (site.topic.is_paused, site.topic.takes) == (True, takes)
    site.reach_seconds = 60
    await site.follow()
    assert site.counted() == 2


async def test_what_is_too_old_takes_no_room_although_nobody_asks_here() -> None:
    """This process may have none of the account's trunks. There is a look at it now and then."""
    site = Site(*(screening(minute, AT_MS + minute * 60_000) for minute in range(1000)), most=320)
    await site.view.start()
    assert site.screens.held <= 2 * STOP.minutes + 320 / LOOKS
    assert site.screens.forgotten == 0


async def test_partitions_are_read_in_any_order() -> None:
    """One after the other at a start: what is late in one does not make anybody forget what is early in the next."""
    late, early = screening(0, AT_MS + 19 * 60_000), screening(1)
    site = Site(late, early)
    await site.view.start()
    assert (site.counted(), site.counted(AT_MS + 11 * 60_000)) == (1, 1)


async def test_what_cannot_be_read_is_named_and_passed_over() -> None:
    """And a record without a value."""
    site = Site(b'{"account_id":1}', None, screening(2))
    with capture_logs() as logs:
        await site.view.start()
    assert [(it["event"], it["offset"]) for it in logs] == [("screening_unreadable", 0)]
    assert site.counted() == 1
