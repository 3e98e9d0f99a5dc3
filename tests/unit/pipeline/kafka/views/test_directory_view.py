"""Reading a compacted, transactional topic to its end, also where the end cannot be reached."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.kafka.views import directory_view
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.settings import KafkaSettings
from schemas.directory.account import Account
from schemas.directory.entry import key_of
from schemas.record import InRecord
from tests.builders import account
from tests.unit.pipeline.kafka.views.scripted_consumer import Fetched, ScriptedConsumer, reads_from


async def view_of(consumer: ScriptedConsumer, on_record: Callable[[InRecord], None] | None = None) -> DirectoryView:
    view = DirectoryView(KafkaSettings(), client_id="test", on_record=on_record)
    await reads_from(view._follower, consumer)
    return view


def record(offset: int, number: int, **values: Any) -> Fetched:
    entry = account(number, **values)
    return Fetched(offset, key_of(entry), entry.to_bytes())


async def test_markers_and_gaps_count_towards_the_end() -> None:
    """The last record is at 5, a transaction marker at 6: position 7 is the end."""
    consumer = ScriptedConsumer(7, [([record(0, 1)], 3), ([], 4), ([record(5, 2)], 6), ([], 7)])
    view = await view_of(consumer)
    await view.catch_up()
    assert consumer.fetches == 4
    assert len(list(view.directory.entries(Account))) == 2


async def test_an_end_that_compaction_took_away_is_not_waited_for() -> None:
    """Nothing is left between the last record and the end: two empty answers in a row are proof enough."""
    consumer = ScriptedConsumer(10, [([record(0, 1)], 1)])
    view = await view_of(consumer)
    await view.catch_up()
    assert len(list(view.directory.entries(Account))) == 1


async def test_slow_answers_are_waited_for() -> None:
    """One empty answer, and one that comes together with the time-out, are no proof."""
    consumer = ScriptedConsumer(3, [([], 0), ([], 0), ([record(0, 1)], 1), ([], 1), ([record(1, 2), record(2, 3)], 3)])
    view = await view_of(consumer)
    await view.catch_up()
    assert len(list(view.directory.entries(Account))) == 3


class Log:
    """Keeps what is said, whatever logging other tests have configured."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, object]] = []

    def error(self, event: str, **values: object) -> None:
        self.errors.append((event, values["offset"]))


async def test_an_unreadable_record_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reported with its offset and skipped; what was there before stays."""
    log = Log()
    monkeypatch.setattr(directory_view, "log", log)
    broken = Fetched(1, key_of(account(1)), b"{")
    view = await view_of(ScriptedConsumer(3, [([record(0, 1), broken, record(2, 2)], 3)]))
    await view.catch_up()
    assert {entry.name for entry in view.directory.entries(Account)} == {"account 1", "account 2"}
    assert log.errors == [("directory_record_unreadable", 1)]


async def test_every_record_is_shown_to_whoever_asked() -> None:
    """Also those that are no configuration."""
    seen: list[int] = []
    consumer = ScriptedConsumer(2, [([record(0, 1), Fetched(1, b"writer:current", b"{}")], 2)])
    view = await view_of(consumer, lambda record: seen.append(record.offset))
    await view.catch_up()
    assert seen == [0, 1]
    assert view.directory.version == 1


async def test_waiting_for_an_offset_ends_when_a_follower_has_applied_it() -> None:
    """`wait_for` does not read itself: it wakes when `follow` has come that far."""
    view = await view_of(ScriptedConsumer(0, [([record(0, 1)], 1), ([record(1, 2)], 2)]))
    waiting = asyncio.create_task(view.wait_for(1))
    await view._apply(await view._follower.take(timeout_ms=0))
    await asyncio.sleep(0)
    assert not waiting.done()
    await view._apply(await view._follower.take(timeout_ms=0))
    await asyncio.wait_for(waiting, 1)
    assert view.directory.version == 1
