"""What the topic of counts says, and how far it is read before somebody counts on."""

import asyncio

import pytest

from pipeline.errors import BrokerUnreachable
from pipeline.kafka.views.counts_view import CountsView
from pipeline.settings import KafkaSettings
from schemas.state.day_count import DayCount, DayUsed, Place
from tests.builders import CREATED, uuid
from tests.unit.pipeline.kafka.views.scripted_consumer import Answer, Fetched, ScriptedConsumer, reads_from


def record(offset: int, segments: int) -> Fetched:
    used = DayUsed(day=CREATED.date(), segments=segments)
    place = Place(offset=offset, message=0)
    count = DayCount(trunk_id=uuid(11), account_id=uuid(1), counted_to=place, at_ms=offset, used=(used,))
    return Fetched(offset, uuid(11).encode(), count.to_bytes())


class Assignments:
    def __init__(self) -> None:
        self.number = 1

    def __call__(self) -> int:
        return self.number


async def view_of(end: int, answers: list[Answer], assignments: Assignments) -> tuple[CountsView, ScriptedConsumer]:
    consumer = ScriptedConsumer(end, answers)
    view = CountsView(KafkaSettings(), client_id="test", assignments=assignments)
    await reads_from(view._follower, consumer)
    return view, consumer


def used(view: CountsView) -> int:
    return view.counts.segments(uuid(11), CREATED.date())


async def test_a_partition_is_read_to_its_end_once_after_each_assignment() -> None:
    """What its last owner has counted is known before anything is; nobody else counts there until the next."""
    assignments = Assignments()
    view, consumer = await view_of(2, [([record(0, 3), record(1, 5)], 2)], assignments)
    await view.take_over(0)
    fetches = consumer.fetches
    assert (used(view), fetches) == (5, 1)
    await view.take_over(0)
    assert consumer.fetches == fetches
    assignments.number += 1
    await view.take_over(0)
    assert view._taken_over == {0: 2}


async def test_what_cannot_be_read_leaves_what_is_known() -> None:
    """And so does a record without a value."""
    view, _ = await view_of(4, [([record(0, 3), Fetched(1, b"x", b"{"), Fetched(2, b"x", None)], 4)], Assignments())
    async with asyncio.timeout(10):
        await view.take_over(0)
    assert used(view) == 3


async def test_a_partition_that_came_later_is_for_the_next_start() -> None:
    """The topics have grown: nothing is counted there from a wrong beginning."""
    view, _ = await view_of(0, [], Assignments())
    with pytest.raises(BrokerUnreachable, match="had no partition 7"):
        await view.take_over(7)
