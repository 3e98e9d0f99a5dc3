"""What the topic says is on disk, whatever the order; a file goes on where it was, or is of no use."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ConfigurationError, DiskFull
from pipeline.kafka.views.topic_follower import RECORDS_AT_ONCE
from pipeline.scheduling import deferred_row, deferred_store
from pipeline.scheduling.deferred_row import ids_of
from pipeline.scheduling.deferred_store import DeferredStore
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.destination import Destination
from schemas.state.deferred import Deferred, cancel_key, message_key
from tests.builders import CREATED, DESTINATION, submission, uuid

DUE = CREATED + timedelta(hours=1)
BULK = uuid(99)
IO = Path("/proc/self/io")


class Written(NamedTuple):
    """A record of the topic."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class Topic:
    """Partitions of the scheduler's topic."""

    def __init__(self) -> None:
        self.records: list[Written] = []
        self._ends: Counter[int] = Counter()

    def write(self, key: bytes, value: bytes | None, partition: int = 0) -> Written:
        self._ends[partition] += 1
        self.records.append(Written(partition, self._ends[partition] - 1, key, value))
        return self.records[-1]

    def message(
        self, number: int, due_at: datetime = DUE, *, trunk: int = 11, bulk: str | None = None, partition: int = 0
    ) -> Written:
        part = submission(
            Destination(address=DESTINATION, id=uuid(number)), trunk_id=uuid(trunk), id=bulk, send_at=due_at
        )
        value = Deferred(due_at=due_at, message=part).to_bytes()
        return self.write(message_key(uuid(trunk), uuid(number)), value, partition)

    def wish(
        self, identity: str, *, trunk: int = 11, bulk: bool = False, until: datetime = DUE, partition: int = 0
    ) -> Written:
        asked = CancelRequest(trunk_id=uuid(trunk), id=identity, bulk=bulk or None, requested_at=CREATED)
        key = cancel_key(uuid(trunk), identity, bulk=bulk)
        return self.write(key, Deferred(due_at=until, cancel=asked).to_bytes(), partition)

    def gone(self, number: int, *, trunk: int = 11, partition: int = 0) -> Written:
        return self.write(message_key(uuid(trunk), uuid(number)), None, partition)


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
def store() -> Iterator[DeferredStore]:
    opened = DeferredStore(None)
    yield opened
    opened.close()


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def ids(held: list[deferred_store.Held]) -> list[str | None]:
    messages = [Deferred.from_bytes(it.value).message for it in held]
    return [it.destinations[0].id for it in messages if it is not None]


def test_what_is_due_comes_in_its_order(topic: Topic, store: DeferredStore) -> None:
    """Not a moment early, the longest due first, and of what is due at once that which came first."""
    order = [3, 1, 2]
    store.apply([topic.message(n, DUE + timedelta(minutes=minute)) for minute, n in enumerate(order)])
    store.apply([topic.message(4, DUE)])
    assert store.due(ms(DUE) - 1, 10) == []
    assert ids(store.due(ms(DUE), 10)) == [uuid(3), uuid(4)]
    assert ids(store.due(ms(DUE + timedelta(hours=1)), 3)) == [uuid(3), uuid(4), uuid(1)]
    assert (store.waiting, store.first_due_ms()) == (4, ms(DUE))


@given(microseconds=st.integers(0, 5000))
def test_nothing_is_due_before_its_time(microseconds: int) -> None:
    """A time can be within a millisecond, as it was asked for: the next whole one is the first not too early."""
    at = DUE + timedelta(microseconds=microseconds)
    topic = Topic()
    row = deferred_row.read(topic.message(1, at))
    assert isinstance(row, deferred_row.Waiting)
    assert timedelta() <= CREATED + timedelta(milliseconds=row.due_ms - ms(CREATED)) - at < timedelta(milliseconds=1)


def test_a_trunk_with_much_that_is_due_leaves_room_for_the_others(topic: Topic, store: DeferredStore) -> None:
    """All have a share of what is released at once, and those that were served first come last next time."""
    store.apply([topic.message(n, DUE - timedelta(hours=1)) for n in range(100, 200)])
    store.apply([topic.message(n, DUE, trunk=n) for n in (12, 13, 14)])
    found = ids(store.due(ms(DUE), 8))
    assert (len(found), set(found) >= {uuid(12), uuid(13), uuid(14)}) == (5, True)
    served = {it.trunk for n in range(2) for it in store.due(ms(DUE), 2)}
    assert len(served) == 4


def test_what_is_there_already_stays_and_what_has_just_left_does_not_come_back(
    topic: Topic, store: DeferredStore
) -> None:
    """A repetition under the same id is no second message; behind the record that says it has gone it is one."""
    store.apply([topic.message(1, DUE), topic.message(1, DUE + timedelta(hours=9))])
    (held,) = store.due(ms(DUE), 10)
    store.left([held])
    repeated = topic.message(1, DUE)
    store.apply([repeated])
    assert (store.waiting, store.leaving, store.due(ms(DUE), 10)) == (0, 1, [])
    store.apply([topic.gone(1), topic.message(1, DUE)])
    assert (store.waiting, store.leaving, ids(store.due(ms(DUE), 10))) == (1, 0, [uuid(1)])


@pytest.mark.parametrize("wish_first", [True, False])
@pytest.mark.parametrize("bulk", [True, False])
def test_what_is_cancelled_is_not_due(topic: Topic, store: DeferredStore, wish_first: bool, bulk: bool) -> None:
    """Whichever comes first: the message or all of its bulk; another trunk's wish, or one for another, is nothing."""
    wishes = [
        topic.wish(BULK if bulk else uuid(1), bulk=bulk),
        topic.wish(BULK if bulk else uuid(1), bulk=not bulk),
        topic.wish(uuid(4), trunk=12),
        topic.wish(BULK, trunk=12, bulk=True),
    ]
    messages = [topic.message(n, bulk=BULK if bulk else None) for n in (1, 2)] + [topic.message(4)]
    store.apply(wishes + messages if wish_first else messages + wishes)
    canceled = {uuid(1), uuid(2)} if bulk else {uuid(1)}
    assert set(ids(store.canceled(10))) == canceled
    assert set(ids(store.due(ms(DUE), 10))) == {uuid(1), uuid(2), uuid(4)} - canceled
    store.left(store.canceled(10))
    assert (store.canceled(10), store.waiting) == ([], 3 - len(canceled))


def test_a_wish_is_forgotten_when_its_time_is_over(topic: Topic, store: DeferredStore) -> None:
    """From the topic's side, and from ours."""
    store.apply([topic.wish(uuid(1)), topic.wish(uuid(2), until=DUE + timedelta(days=1))])
    over = store.over(ms(DUE), 10)
    assert [ids_of(it.name) for it in over] == [(uuid(11), uuid(1))]
    store.left([], over)
    assert store.over(ms(DUE), 10) == []
    store.apply([topic.write(cancel_key(uuid(11), uuid(2), bulk=False), None), topic.message(1), topic.message(2)])
    assert store.canceled(10) == []


def test_what_cannot_be_read_is_passed_over(topic: Topic, store: DeferredStore) -> None:
    """Nobody but the scheduler writes there; what somebody does is no reason to end."""
    key = message_key(uuid(11), uuid(1))
    odd = [(b"x", b"{}"), (key, b"{"), (key, b'{"due_at":1}'), (key + b"x", b"{}"), (b"message:" + b"z" * 73, None)]
    store.apply([topic.write(*it) for it in odd] + [topic.write(None or b"", b"")])
    store.apply([topic.message(2)])
    assert (store.waiting, store.positions) == (1, {0: len(odd) + 2})


def test_a_file_goes_on_where_it_was(topic: Topic, tmp_path: Path) -> None:
    """Messages, wishes, positions; nothing of partitions that have gone."""
    path = tmp_path / "state" / "scheduled.sqlite"
    first = DeferredStore(path)
    first.apply([topic.message(1), topic.message(2, trunk=12, partition=1), topic.wish(uuid(3), partition=1)])
    first.close()
    second = DeferredStore(path)
    assert (second.waiting, second.positions, second.first_due_ms()) == (2, {0: 1, 1: 2}, ms(DUE))
    second.apply([topic.message(3, partition=1)])
    assert ids(second.canceled(10)) == [uuid(3)]
    second.keep_only({0})
    assert (second.waiting, second.positions, second.canceled(10)) == (1, {0: 1}, [])
    second.close()


def test_a_file_that_says_too_little_is_begun_anew(
    topic: Topic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left for too long, of another boot, of another layout, damaged, or of a process that died while reading it."""
    path = tmp_path / "scheduled.sqlite"

    def is_used(spoil: object = None) -> bool:
        made = DeferredStore(path)
        made.apply([topic.message(1)])
        made.close()
        if callable(spoil):
            spoil()
        opened = DeferredStore(path)
        waiting = opened.waiting
        opened.close()
        path.unlink()
        return waiting == 1

    def change(statement: str) -> None:
        with sqlite3.connect(path) as database:
            database.execute(statement)
        database.close()

    assert is_used()
    assert not is_used(lambda: change("UPDATE about SET left_at = left_at - 3601"))
    assert not is_used(lambda: change("UPDATE about SET left_at = left_at + 3600"))
    assert not is_used(lambda: change("UPDATE about SET boot = 'another'"))
    assert not is_used(lambda: change("UPDATE about SET is_whole = 0"))
    assert not is_used(lambda: change("PRAGMA user_version=99"))
    assert not is_used(lambda: path.write_bytes(b"no database" * 1000))
    in_use = DeferredStore(path)
    with pytest.raises(ConfigurationError, match="another process"):
        DeferredStore(path)
    in_use.close()


def test_reading_anew_forgets_what_was_known_and_is_whole_at_its_end(topic: Topic, tmp_path: Path) -> None:
    """Of these partitions; whoever dies in between leaves nothing that is believed."""
    path = tmp_path / "scheduled.sqlite"
    store = DeferredStore(path)
    store.apply([topic.message(1), topic.message(2, partition=1)])
    store.begin_anew([0])
    assert (store.waiting, store.positions) == (1, {1: 1})
    store.apply([topic.message(3)])
    store.end_anew()
    store.close()
    again = DeferredStore(path)
    assert again.waiting == 2
    again.begin_anew([0, 1])
    again.apply([topic.message(4)])
    again.close()
    last = DeferredStore(path)
    assert (last.waiting, last.positions) == (0, {})
    last.close()


def test_what_is_due_is_known_when_all_has_been_read_anew(topic: Topic, store: DeferredStore) -> None:
    """The first of each trunk, less what has gone and what was cancelled while it was read; and in its order."""
    store.apply([topic.message(1, trunk=12, partition=1)])
    store.begin_anew([0])
    times = {2: 5, 3: 1, 4: 4, 5: 2, 6: 3}
    store.apply([topic.message(n, DUE + timedelta(minutes=at)) for n, at in times.items()])
    store.apply([topic.gone(3), topic.wish(uuid(5)), topic.message(7, DUE - timedelta(hours=1)), topic.gone(7)])
    assert (store.is_empty, store.first_due_ms()) == (True, None)
    store.end_anew()
    assert not store.is_empty
    assert store.first_due_ms() == ms(DUE)
    assert ids(store.due(ms(DUE) - 1, 10)) == []
    assert ids(store.due(ms(DUE + timedelta(hours=1)), 10)) == [uuid(n) for n in (1, 6, 4, 2)]
    assert ids(store.canceled(10)) == [uuid(5)]


def test_a_disk_that_is_full_while_it_is_read_anew_leaves_nothing_that_is_believed(
    topic: Topic, tmp_path: Path
) -> None:
    """There is no journal then, so what is left may be damaged: nobody looks at it before the process ends."""
    path = tmp_path / "scheduled.sqlite"
    store = DeferredStore(path)
    store.begin_anew([0])
    store._database.execute("PRAGMA max_page_count=20")
    with pytest.raises(DiskFull, match=f"{tmp_path} has no room for what is scheduled"):
        store.apply([topic.message(n) for n in range(1, 500)])
    assert (store.is_empty, store.first_due_ms()) == (True, None)
    store.close()
    again = DeferredStore(path)
    assert (again.waiting, again.positions) == (0, {})
    again.close()


@pytest.mark.skipif(not IO.exists(), reason="only Linux counts what a process writes")
def test_reading_anew_writes_each_page_about_once(topic: Topic, tmp_path: Path) -> None:
    """Messages come in no order of their times: an index that took them as they come would be written again and again.

    So a start without a file takes as long as its file is large, not as long as it is large by the number of its parts.
    """
    path, many = tmp_path / "scheduled.sqlite", 20_000
    (_, _, _, value) = topic.message(0)
    store = DeferredStore(path)
    before = written_bytes()
    store.begin_anew([0])
    for begin in range(0, many, RECORDS_AT_ONCE):
        moments = [DUE + timedelta(seconds=n * 7919 % many) for n in range(begin, begin + RECORDS_AT_ONCE)]
        values = [(value or b"").replace(text(DUE), text(at), 1) for at in moments]
        store.apply([topic.write(message_key(uuid(11), uuid(begin + n)), it) for n, it in enumerate(values)])
    store.end_anew()
    written = written_bytes() - before
    assert (store.waiting, store.first_due_ms()) == (many, ms(DUE))
    store.close()
    assert path.stat().st_size < written < 1.25 * path.stat().st_size


def written_bytes() -> int:
    """Return how much this process has written to files."""
    return int(re.findall(r"wchar: (\d+)", IO.read_text())[0])


def text(at: datetime) -> bytes:
    """Return a time as records have it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ").encode()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["message", "gone", "wish", "bulk", "unwish", "leave"]), st.integers(1, 4), st.integers(0, 3)
    ),
    max_size=30,
)


@settings(max_examples=200)
@given(STEPS)
def test_it_is_what_a_dictionary_would_be(steps: list[tuple[str, int, int]]) -> None:
    """Whatever comes in whatever order: who waits, who of them is cancelled, and when they are due."""
    topic, store = Topic(), DeferredStore(None)
    waits: dict[int, int] = {}
    canceled: set[int] = set()
    wished: set[tuple[int, bool]] = set()
    leaving: set[int] = set()
    bulk_of = {1: 7, 2: 7}  # of the numbers, as if it were an id
    for what, number, minutes in steps:
        bulk = bulk_of.get(number)
        if what == "message":
            at = DUE + timedelta(minutes=minutes)
            store.apply([topic.message(number, at, bulk=uuid(bulk) if bulk else None)])
            if number not in waits and number not in leaving:
                waits[number] = minutes
                if (number, False) in wished or (bulk and (bulk, True) in wished):
                    canceled.add(number)
        elif what == "gone":
            store.apply([topic.gone(number)])
            waits.pop(number, None)
            canceled.discard(number)
            leaving.discard(number)
        elif what == "wish":
            store.apply([topic.wish(uuid(number))])
            wished.add((number, False))
            canceled |= {number} & waits.keys()
        elif what == "bulk":
            store.apply([topic.wish(uuid(7), bulk=True)])
            wished.add((7, True))
            canceled |= {it for it in waits if bulk_of.get(it) == 7}
        elif what == "unwish":
            store.apply([topic.write(cancel_key(uuid(11), uuid(number), bulk=False), None)])
            wished.discard((number, False))
        else:
            for held in store.due(ms(DUE + timedelta(minutes=minutes)), 1):
                store.left([held])
                left = next(n for n in waits if (uuid(11), uuid(n)) == ids_of(held.name))
                del waits[left]
                leaving.add(left)
        now_ms = ms(DUE + timedelta(hours=1))
        assert set(ids(store.canceled(10))) == {uuid(n) for n in canceled}
        due = [uuid(n) for n in sorted(waits.keys() - canceled, key=waits.__getitem__)]
        assert sorted(map(str, ids(store.due(now_ms, 10)))) == sorted(due)
        assert (store.waiting, store.leaving) == (len(waits), len(leaving))
        first = min((waits[n] for n in waits.keys() - canceled), default=None)
        assert store.first_due_ms() == (None if first is None else ms(DUE + timedelta(minutes=first)))
    store.close()


def test_times_are_utc() -> None:
    """A time with another offset is the same moment."""
    topic, store = Topic(), DeferredStore(None)
    store.apply([topic.message(1, datetime.fromisoformat("2026-01-01T06:30:00+05:30"))])
    assert ids(store.due(ms(datetime(2026, 1, 1, 1, 0, tzinfo=UTC)), 1)) == [uuid(1)]
    assert store.due(ms(datetime(2026, 1, 1, 0, 59, tzinfo=UTC)), 1) == []
    store.close()
