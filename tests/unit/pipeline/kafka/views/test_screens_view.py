"""From where on screenings are read by who takes a partition over, and what of it is known then."""

import asyncio
from typing import Any, cast

import pytest

from pipeline.errors import BrokerUnreachable
from pipeline.kafka.views import screens_view
from pipeline.kafka.views.screens_view import MARGIN_MS, ScreensView
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.limits.counts import Position
from pipeline.settings import KafkaSettings
from schemas.record import InRecord
from schemas.state.day_count import Place
from schemas.state.screening import Guard, Passed, Screening, Stopped
from schemas.topics import SCREENED, SUBMITTED
from tests.builders import uuid
from tests.fakes.screens_view import FollowerInMemory, Screened
from tests.unit.pipeline.kafka.views.scripted_consumer import Fetched, ScriptedConsumer, reads_from

NOW_MS = 100_000_000
MINUTE_MS = 60_000
NUMBER = "15551234567"


def screening(offset: int, at_ms: int, *, is_stopped: bool = False) -> Screened:
    place: dict[str, Any] = {"offset": offset, "message": 0}
    record = Screening(
        trunk_id=uuid(11), screened_to=Place(offset=offset, message=0), at_ms=at_ms,
        passed=None if is_stopped else (Passed(**place, at_ms=at_ms, number=NUMBER),),
        stopped=(Stopped(**place, guard=Guard.NUMBER, messages=1, minutes=10),) if is_stopped else None,
    )  # fmt: skip
    return Screened(0, at_ms, record.to_bytes())


class Site:
    """A view of a topic in memory, and what a processor asks it."""

    def __init__(self, *topic: Screened, reach_minutes: int = 10) -> None:
        self.topic = list(topic)
        self.follower = FollowerInMemory(self.topic, partitions=1)
        self.assignments = 1
        self.view = ScreensView(
            cast("Any", self.follower), assignments=lambda: self.assignments,
            reach_ms=lambda: reach_minutes * MINUTE_MS, limit_seconds=10,
        )  # fmt: skip

    async def take_over(self, offset: int, at_ms: int = NOW_MS) -> int:
        """Take partition 0 over with this submission; return how many records were read for it."""
        before = self.follower.records_read
        await self.view.take_over(InRecord(SUBMITTED, 0, offset, at_ms, None, b"", ()))
        return self.follower.records_read - before

    def held(self) -> int:
        return len(self.view.screens.recent(uuid(11)).window(Guard.NUMBER))

    def is_stopped(self, offset: int) -> bool:
        return self.view.screens.decided(0, Position(offset, 0, NOW_MS)) is not None


async def test_it_is_read_as_far_back_as_the_longest_window_reaches() -> None:
    """Not what is older; and not again what is known, at the next assignment."""
    ages = (30, 11, 9, 5, 0)
    site = Site(*(screening(offset, NOW_MS - age * MINUTE_MS) for offset, age in enumerate(ages)))
    assert (await site.take_over(5), site.held()) == (3, 3)
    site.assignments += 1
    site.topic.append(screening(5, NOW_MS))
    later = NOW_MS + 2 * MARGIN_MS
    assert (await site.take_over(6, later), site.held()) == (1, 4)


async def test_what_may_come_again_is_read_whatever_windows_are() -> None:
    """Also where nothing is guarded any more, and where it has been read before."""
    site = Site(*(screening(offset, NOW_MS, is_stopped=bool(offset % 2)) for offset in range(6)), reach_minutes=0)
    assert await site.take_over(2) == 6
    assert [site.is_stopped(offset) for offset in range(6)] == [False, False, False, True, False, True]
    assert await site.take_over(4) == 6
    assert [site.is_stopped(offset) for offset in range(6)] == [False] * 5 + [True]
    assert site.held() == 3


async def test_a_long_day_is_not_read_to_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit looks back less far then; but not less far than to what may come again."""
    monkeypatch.setattr(screens_view, "LOOK_BACK_RECORDS", 10)
    site = Site(*(screening(offset, NOW_MS - (1000 - offset) * 1000) for offset in range(1000)), reach_minutes=1440)
    assert (await site.take_over(1000), site.held()) == (60, 60)
    quiet = Site(*(screening(offset, NOW_MS - 2 * MARGIN_MS) for offset in range(1000)), reach_minutes=1440)
    assert (await quiet.take_over(1000), quiet.held()) == (10, 10)


async def test_a_partition_is_taken_over_at_its_first_record_and_whenever_one_comes_again() -> None:
    """And at each assignment, when it may have been somebody else's."""
    site = Site()
    assert site.view.is_behind(0, 7, 0)
    await site.take_over(7)
    assert site.follower.records_read == 0
    assert not site.view.is_behind(0, 7, 500)
    assert not site.view.is_behind(0, 8, 0)
    assert site.view.is_behind(0, 8, 0)
    assert site.view.is_behind(0, 6, 0)
    assert site.view.is_behind(1, 9, 0)
    site.assignments += 1
    assert site.view.is_behind(0, 9, 0)


async def test_what_cannot_be_read_leaves_what_is_known() -> None:
    """And so does a record without a value."""
    site = Site(screening(0, NOW_MS), Screened(0, NOW_MS, b"{"), Screened(0, NOW_MS, None), screening(3, NOW_MS))
    assert (await site.take_over(4), site.held()) == (4, 2)


async def test_a_partition_that_is_new_needs_a_restart() -> None:
    """The topic had fewer when this process began."""
    site = Site()
    with pytest.raises(BrokerUnreachable, match="had no partition 1"):
        await site.view.take_over(InRecord(SUBMITTED, 1, 0, NOW_MS, None, b"", ()))


async def test_a_broker_that_gives_out_nothing_is_waited_for_as_long_as_said() -> None:
    """Then the process ends, and with it what it has not written."""
    follower = TopicFollower(KafkaSettings(), SCREENED, client_id="test")
    consumer = ScriptedConsumer(3, [None] * 40)
    consumer.begins_at = 0
    await reads_from(follower, consumer)
    view = ScreensView(follower, assignments=lambda: 1, reach_ms=lambda: 0, limit_seconds=0)
    async with asyncio.timeout(10):
        with pytest.raises(BrokerUnreachable, match="stopped giving out"):
            await view.take_over(InRecord(SUBMITTED, 0, 0, NOW_MS, None, b"", ()))
    assert consumer.paused == {0}


async def test_it_is_read_with_the_real_follower() -> None:
    """Which is paused before and after: nothing is fetched for nobody."""
    follower = TopicFollower(KafkaSettings(), SCREENED, client_id="test")
    records = [Fetched(offset, b"x", screening(offset, NOW_MS).value, NOW_MS) for offset in range(2)]
    consumer = ScriptedConsumer(2, [(records, 2)])
    consumer.begins_at = 0
    await reads_from(follower, consumer)
    view = ScreensView(follower, assignments=lambda: 1, reach_ms=lambda: MINUTE_MS, limit_seconds=5)
    await view.take_over(InRecord(SUBMITTED, 0, 2, NOW_MS, None, b"", ()))
    assert len(view.screens.recent(uuid(11)).window(Guard.NUMBER)) == 2
    assert consumer.paused == {0}
