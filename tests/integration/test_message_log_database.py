"""What the message log promises of its database, whichever that is: nothing lost, nothing twice, made anew the same."""

import math
import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import URL, Engine, create_engine, inspect, text

from pipeline.errors import ConfigurationError, LogUnavailable, StateLost
from pipeline.message_log.database import known_days, migrate, parsed, reader_engine, reading, writer_engine
from pipeline.message_log.reading.callback_log import AttemptSearch, attempts_page, endpoints, has_accepted_callback
from pipeline.message_log.reading.history import EventKind
from pipeline.message_log.reading.look_up import find, history_of
from pipeline.message_log.reading.message import LoggedMessage, LogState
from pipeline.message_log.reading.scheduled import ScheduledSearch, messages_of, parts_of_bulk, scheduled_page
from pipeline.message_log.reading.search import Search, search_page
from pipeline.message_log.reading.statistics import LATENCIES_MS, Outcome, Stretch, has_messages, statistics
from pipeline.message_log.tables import day_of, fixed, micros, tables_of
from pipeline.message_log.writing import upserts, writer
from pipeline.message_log.writing.batch import COLUMNS, SUBMITTED, LogBatch
from pipeline.message_log.writing.decoding import RecordReader
from pipeline.message_log.writing.writer import LogPlace, LogWriter
from schemas import topics
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.destination import Destination
from tests.builders import account, directory_of, message, status, submission, trunk, uuid
from tests.message_lives import DIRECTORY, MIDNIGHT, NOON, Lives, disposed, many_lives, read_into, rows_of
from tests.postgres import running_postgres


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL."""
    with running_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """An empty database."""
    if request.param == "sqlite":
        return parsed(f"sqlite:///{tmp_path / 'log.sqlite'}")
    name = f"log_{uuid4().hex}"
    server = parsed(request.getfixturevalue("server"))
    with disposed(create_engine(server, isolation_level="AUTOCOMMIT")) as engine, engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    return server.set(database=name)


@pytest.fixture
def engine(url: URL) -> Iterator[Engine]:
    """The same, with the log's tables."""
    with disposed(writer_engine(url)) as made:
        migrate(made)
        yield made


def other(url: URL, tmp_path: Path) -> Engine:
    """Return a second, empty database, which is always SQLite: rows must not depend on that either."""
    made = writer_engine(parsed(f"sqlite:///{tmp_path / f'other-{uuid4().hex}.sqlite'}"))
    migrate(made)
    return made


def test_a_dropped_database_comes_out_the_same_row_for_row(engine: Engine, url: URL, tmp_path: Path) -> None:
    """However the topics were interleaved, and whatever was read together, the rows are functions of the records."""
    lives = many_lives(150)
    read_into(engine, lives, seed=1)
    first = rows_of(engine)
    counts = {name.partition("_")[0]: len(rows) for name, rows in first.items() if name.endswith("0301")}
    assert min(counts[family] for family in ("messages", "journal", "callbacks")) > 50
    assert counts["cancellations"] > 3
    for seed in range(2, 6):
        with disposed(other(url, tmp_path)) as again:
            read_into(again, lives, seed=seed)
            assert rows_of(again) == first


def test_kills_at_any_time_lose_and_double_nothing(
    engine: Engine, url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies within a transaction, or right behind it, leaves rows and offsets that belong together."""
    lives, passed, lived = many_lives(120), 0, 0

    def failpoint(name: str) -> None:
        nonlocal passed
        passed += 1
        if passed % 3 == 0:
            raise Killed(name)

    monkeypatch.setattr(writer, "failpoint", failpoint)
    monkeypatch.setattr(upserts, "AT_ONCE", 7)
    while True:
        lived += 1
        try:
            read_into(engine, lives, seed=lived)
            break
        except Killed:
            continue
    monkeypatch.undo()
    assert lived > 10
    with disposed(other(url, tmp_path)) as undisturbed:
        read_into(undisturbed, lives, seed=99)
        assert rows_of(engine) == rows_of(undisturbed)


def test_what_contradicts_itself_comes_out_the_same_in_any_order(engine: Engine) -> None:
    """The smaller source, number and time count, and an account that was not known when a batch was read is added."""
    told = [(None, "1", "9", NOON + timedelta(seconds=1)), (uuid(1), "2", "8", NOON)]
    writer = LogWriter(engine)
    writer.open()
    for identity, order in ((uuid(1), told), (uuid(2), told[::-1])):
        for account_id, source, destination, at in order:
            batch = LogBatch(0, 100_000)
            row = batch.message(identity, uuid(11), account_id, source, destination, micros(at))
            assert row is not None
            batch.first(row, SUBMITTED, (0, 0))
            writer.write(batch, {})
    assert [row[2:6] for row in rows_of(engine)["messages_20260301"]] == [(uuid(1), "1", "8", micros(NOON))] * 2


def test_two_who_write_do_not_write_the_same_twice(engine: Engine) -> None:
    """The one whose place in the topics is not the database's is told so, and writes nothing."""
    lives = Lives()
    lives.submitted(submission(accepted_at=NOON))
    first, second = LogWriter(engine), LogWriter(engine)
    first.open()
    first.write(LogBatch(0, 100_000), {LogPlace(topics.SUBMITTED, 0): 1})
    first.open()
    second.open()
    first.write(LogBatch(0, 100_000), {LogPlace(topics.SUBMITTED, 0): 2})
    batch = LogBatch(0, 100_000)
    batch.message(uuid(1), uuid(11), uuid(1), "1", "2", micros(NOON))
    with pytest.raises(StateLost, match="somebody else"):
        second.write(batch, {LogPlace(topics.SUBMITTED, 0): 3})
    assert rows_of(engine) == {}


def test_pages_of_a_search_have_every_message_once(engine: Engine, url: URL) -> None:
    """FoundPage after page, over days and over messages that were accepted in the same moment."""
    read_into(engine, many_lives(150))
    with disposed(reader_engine(url)) as readers, reading(readers) as connection:
        for search in (
            Search(account_id=uuid(1)),
            Search(trunk_ids=(uuid(11), uuid(12))),
            Search(account_id=uuid(1), numbers_containing=("1",), or_references=("order 3", "order 6")),
        ):
            whole = search_page(connection, search, 1000).entries
            assert [(it.accepted_at, it.id) for it in whole] == sorted(
                ((it.accepted_at, it.id) for it in whole), reverse=True
            )
            found, after = [], None
            while True:
                page = search_page(connection, search, 7, after)
                found += page.entries
                if (after := page.after) is None:
                    break
            assert found == whole
            assert len(whole) > 90


def test_filters_find_what_they_say(engine: Engine, url: URL) -> None:
    """Each filter agrees with looking at every message."""
    read_into(engine, many_lives(150))
    base = Search(account_id=uuid(1))
    with disposed(reader_engine(url)) as readers, reading(readers) as connection:
        whole = search_page(connection, base, 1000).entries
        target = whole[5]
        cases: list[tuple[dict[str, Any], Any]] = [
            *[({"states": (state,)}, lambda it, state=state: it.state == state) for state in LogState],
            ({"states": ("Queued", "Success")}, lambda it: it.state in ("Queued", "Success")),
            ({"since": MIDNIGHT}, lambda it: it.accepted_at >= MIDNIGHT),
            ({"until": MIDNIGHT}, lambda it: it.accepted_at < MIDNIGHT),
            ({"destinations": (target.destination, whole[7].destination)},
             lambda it: it.destination in (target.destination, whole[7].destination)),
            ({"destinations_containing": ("11", "9%9")}, lambda it: "11" in it.destination),
            ({"sources": ("1",)}, lambda _: False),
            ({"sources_containing": ("1212",)}, lambda _: True),
            ({"delivery_statuses": ("DELIVERED",)}, lambda it: it.delivery_status == "DELIVERED"),
            ({"code_ids": (105,)}, lambda it: it.code_id == 105),
            ({"trunk_ids": (uuid(13),)}, lambda it: it.trunk_id == uuid(13)),
            ({"client_references": ("order 3", "order")}, lambda it: it.client_reference == "order 3"),
            ({"tags": ("day, 1", "nothing")}, lambda it: "day, 1" in it.tags),
            ({"tags": ("day",)}, lambda _: False),
            ({"campaign_ids": (uuid(18), uuid(19))}, lambda it: it.campaign_id == uuid(19)),
            ({"tags": ("shop",), "states": ("Success",), "client_references": ("order 0",)},
             lambda it: it.client_reference == "order 0" and it.state == "Success"),
            ({"or_references": ("order 6",), "until": MIDNIGHT},
             lambda it: it.client_reference == "order 6" and it.accepted_at < MIDNIGHT),
            ({"or_references": ("order 6", "order 3"), "numbers_containing": ("003", "9%9")},
             lambda it: it.client_reference in ("order 6", "order 3") or "003" in it.destination),
        ]  # fmt: skip
        for wanted, fits in cases:
            found = search_page(connection, Search(account_id=uuid(1), **wanted), 1000).entries
            assert found == [it for it in whole if fits(it)], wanted
        assert {(it.client_reference, len(it.tags)) for it in whole} >= {(None, 0), ("order 3", 2), ("order 6", 2)}
        assert {it.state for it in whole} == set(LogState)


def test_numbers_agree_with_looking_at_every_message(engine: Engine, url: URL) -> None:
    """Over time, by code, by trunk, by latency and in money: of an account, a trunk, everybody; over midnight."""
    lives = many_lives(150)
    read_into(engine, lives)
    with disposed(reader_engine(url)) as readers, reading(readers) as connection:
        everybody = [it for of in (1, 2) for it in search_page(connection, Search(account_id=uuid(of)), 1000).entries]
        begin = MIDNIGHT - timedelta(hours=20)
        for account_id, trunk_id in ((uuid(1), None), (uuid(1), uuid(12)), (uuid(2), uuid(12)), (None, None)):
            for slot in (timedelta(hours=1), timedelta(days=1)):
                stretch = Stretch(begin, begin + 48 * timedelta(hours=1), slot, account_id, trunk_id)
                found = statistics(connection, stretch)
                mine = [
                    it
                    for it in everybody
                    if account_id in (None, it.account_id)
                    and trunk_id in (None, it.trunk_id)
                    and begin <= it.accepted_at < stretch.until
                ]
                counted = Counter((begin + (it.accepted_at - begin) // slot * slot, outcome_of(it)) for it in mine)
                assert counted == {
                    (at, outcome): count.messages
                    for at, counts in found.slots.items()
                    for outcome, count in counts.items()
                    if count.messages
                }
                assert sum(it.segments for it in found.total.values()) == sum(it.segments or 0 for it in mine)
                assert found.codes == Counter(it.code_id for it in mine if it.code_id is not None)
                assert {trunk: Counter(counts) for trunk, counts in found.trunks.items()} == {
                    trunk: Counter(outcome_of(it) for it in mine if it.trunk_id == trunk)
                    for trunk in {it.trunk_id for it in mine}
                }
                assert sum(found.spent.values()) == sum(it.price or 0 for it in mine)
                times = [(it.ended_at, it.send_at or it.accepted_at) for it in mine if it.ended_at]
                took = sorted((end - begin).total_seconds() * 1000 for end, begin in times if end >= begin)
                for share in (0.5, 0.95, 0.99):
                    bound = found.latency_ms(share)
                    if took:
                        exact = took[math.ceil(len(took) * share) - 1]
                        assert bound == next(it for it in LATENCIES_MS if exact <= it)
                    else:
                        assert bound is None
        assert has_messages(connection, uuid(1))
        assert not has_messages(connection, uuid(9))


def outcome_of(it: LoggedMessage) -> Outcome:
    """Return what a picture shows of a message."""
    if it.status is None:
        return Outcome.SCHEDULED if it.state == LogState.SCHEDULED else Outcome.IN_PROGRESS
    if it.status != LogState.SUCCESS:
        return Outcome.NOT_SENT
    return Outcome.SENT if it.delivery_status in (None, "DELIVERED") else Outcome.UNDELIVERED


def test_endpoints_are_told_by_how_they_answered(engine: Engine, url: URL) -> None:
    """The worst first, and only those of the trunks that are asked for."""
    read_into(engine, many_lives(150))
    trunk_ids = [uuid(11), uuid(12)]
    with disposed(reader_engine(url)) as readers, reading(readers) as connection:
        since, until = MIDNIGHT - timedelta(days=2), MIDNIGHT + timedelta(days=2)
        attempts = {it: attempts_page(connection, AttemptSearch(it, since, until), 1000).attempts for it in trunk_ids}
        found = endpoints(connection, [*trunk_ids, uuid(99)], since, until)
        assert {(it.trunk_id, it.attempts, it.accepted, it.mean_ms) for it in found} == {
            (
                of,
                len(of_it),
                sum(it.outcome == "accepted" for it in of_it),
                sum(it.milliseconds for it in of_it) // len(of_it),
            )
            for of, of_it in attempts.items()
            if of_it
        }
        failed = [it.attempts - it.accepted for it in found]
        assert failed == sorted(failed, reverse=True)
        assert has_accepted_callback(connection, trunk_ids) == any(it.accepted for it in found)
        assert not has_accepted_callback(connection, [uuid(99)])


def test_a_message_has_its_history(engine: Engine, url: URL) -> None:
    """Accepted first, then what was decided, each post, the outcome, each callback; all of one trunk."""
    lives = many_lives(150)
    read_into(engine, lives)
    with disposed(reader_engine(url)) as readers, reading(readers) as connection:
        everything = [*search_page(connection, Search(account_id=uuid(1)), 1000).entries]
        sent = next(
            it
            for it in everything
            if it.delivery_status
            and it.accepted_at != MIDNIGHT
            and history_of(connection, it).events()[-1].kind is EventKind.CALLBACK  # not each has been told of all
        )
        assert find(connection, sent.id, trunk_id=sent.trunk_id) == [sent]
        assert find(connection, sent.id, trunk_id=uuid(12)) == []
        events = history_of(connection, sent).events()
        kinds = [it.kind for it in events]
        assert kinds[:2] == [EventKind.ACCEPTED, EventKind.AUTHORIZED]
        assert {EventKind.SUBMITTING, EventKind.SEGMENT, EventKind.PROCESSED, EventKind.DELIVERY} < set(kinds)
        assert [it.at for it in events] == sorted(it.at for it in events)
        assert sent.content in ("Hi", "part 1part 2", "part 1", "part 1part 2part 3")


def test_days_that_are_over_are_dropped(engine: Engine) -> None:
    """A day's tables go as a whole; what is of a day that is kept stays, and what comes late for one is passed over."""
    lives = Lives()
    for number in range(5):
        lives.submitted(submission(accepted_at=NOON + timedelta(days=number)), at=NOON + timedelta(days=number))
    held = read_into(engine, lives)
    first = day_of(micros(NOON))
    assert held.drop_days_before(first + 3) == [first, first + 1, first + 2]
    with engine.begin() as connection:
        assert known_days(connection) == [first + 4, first + 3]
    batch = LogBatch(first + 3, first + 10)
    assert batch.message(uuid(1), uuid(11), None, "1", "2", micros(NOON)) is None
    assert batch.passed_over == 1
    assert held.drop_days_before(first + 3) == []


def test_a_day_is_kept_for_what_is_sent_later(engine: Engine, url: URL) -> None:
    """What waits is there until it is as old as others when they go, counted from its time; so is what became of it."""
    lives = Lives()
    to, first = Destination(address="15551234567", id=uuid(61)), day_of(micros(NOON))
    waiting = submission(to, accepted_at=NOON, send_at=NOON + timedelta(days=33))
    lives.record(topics.SCHEDULED, 0, waiting)
    lives.submitted(submission(accepted_at=NOON + timedelta(days=1)), at=NOON + timedelta(days=1))
    held = read_into(engine, lives)
    assert held.drop_days_before(first + 33) == [first + 1]
    reader, late = RecordReader(DIRECTORY), LogBatch(first + 30, first + 60, held.days)
    ended = status(message_id=uuid(61), accepted_at=NOON, ended_at=NOON + timedelta(days=33))
    lives.record(topics.STATUS, 0, ended)
    reader.read(late, topics.STATUS, lives.records[LogPlace(topics.STATUS, 0)])
    held.write(late, {LogPlace(topics.STATUS, 0): 1})
    with disposed(reader_engine(url)) as readers, reading(readers) as connection:
        assert [(it.state, late.passed_over) for it in find(connection, uuid(61))] == [("Success", 0)]
    assert held.drop_days_before(first + 34) == [first]
    # A log that is made anew has what waits, however long ago it was accepted, and not what is over.
    for since, rows in ((first + 33, 1), (first + 34, 0)):
        anew = LogBatch(since, first + 60)
        reader.read(anew, topics.SCHEDULED, lives.records[LogPlace(topics.SCHEDULED, 0)])
        assert sum(len(it.messages) for it in anew.days.values()) == rows


def test_what_waits_is_told_from_what_is_queued(engine: Engine, url: URL) -> None:
    """Scheduled, until it is routed or has ended; with the first wish to cancel it or its bulk, of its own trunk."""
    lives, later = Lives(), NOON + timedelta(hours=1)
    for number, trunk_id in ((1, uuid(11)), (2, uuid(11)), (3, uuid(12))):
        to = Destination(address="15551234567", id=uuid(60 + number))
        lives.record(
            topics.SCHEDULED, 0, submission(to, id=uuid(8), trunk_id=trunk_id, accepted_at=NOON, send_at=later)
        )
    lives.submitted(submission(Destination(address="15551234567", id=uuid(69)), accepted_at=NOON))
    lives.record(topics.SEGMENTED, 0, message(id=uuid(62), accepted_at=NOON), later)
    for identity, bulk, minute in ((uuid(61), None, 5), (uuid(8), True, 4), (uuid(8), True, 3), (uuid(62), None, 9)):
        wish = CancelRequest(trunk_id=uuid(11), id=identity, bulk=bulk, requested_at=NOON)
        lives.record(topics.CANCEL_REQUESTED, 0, wish, NOON + timedelta(minutes=minute))
    read_into(engine, lives)
    with disposed(reader_engine(url)) as readers, reading(readers) as connection:

        def found(*states: str, **wanted: Any) -> set[str]:
            page = search_page(connection, Search(trunk_ids=(uuid(11), uuid(12)), states=states, **wanted), 100)
            assert all(it.state in states for it in page.entries)
            return {it.id for it in page.entries}

        assert found("Scheduled") == {uuid(61), uuid(63)}
        assert found("Queued") == {uuid(69)}
        assert found("In Progress") == {uuid(62)}
        assert found("Scheduled", bulk_ids=(uuid(8),), destinations=("15551234567",)) == {uuid(61), uuid(63)}
        (mine,), (others,) = find(connection, uuid(61)), find(connection, uuid(63))
        assert (mine.send_at, mine.bulk_id, mine.account_id) == (later, uuid(8), uuid(1))
        assert history_of(connection, mine).wish == (NOON + timedelta(minutes=3), True)
        assert history_of(connection, others).wish is None
        (sent,) = find(connection, uuid(62))
        assert [it.kind for it in history_of(connection, sent).events()] == [
            EventKind.ACCEPTED, EventKind.SCHEDULED, EventKind.CANCEL_REQUESTED, EventKind.RELEASED,
            EventKind.AUTHORIZED,
        ]  # fmt: skip


def test_what_is_sent_next_comes_first(engine: Engine, url: URL) -> None:
    """Of an account, over the days of acceptance, page after page; what has ended only for a while."""
    lives, chance = Lives(), random.Random(3)
    for number in range(40):
        to = Destination(address=f"1555123{number:04d}", id=uuid(100 + number))
        at = NOON + timedelta(days=number % 3)
        later = at + timedelta(minutes=chance.randrange(1, 9000))
        trunk_id = uuid(12) if number % 8 == 0 else uuid(11) if number % 2 else uuid(13)
        waiting = submission(to, id=uuid(7), trunk_id=trunk_id, accepted_at=at, send_at=later)
        lives.record(topics.SCHEDULED, 0, waiting, at)
        if number % 5 == 0:
            ended = NOON + timedelta(days=number)
            about: dict[str, Any] = {"message_id": uuid(100 + number), "trunk_id": trunk_id, "accepted_at": at}
            lives.record(topics.STATUS, 0, status(**about, ended_at=ended, status="Canceled"))
    lives.submitted(submission(accepted_at=NOON))
    read_into(engine, lives)
    since = NOON + timedelta(days=20)
    with disposed(reader_engine(url)) as readers, reading(readers) as connection:
        everything = [it for it in search_page(connection, Search(account_id=uuid(1)), 1000).entries if it.send_at]
        fit = [it for it in everything if it.ended_at is None or it.ended_at >= since]
        assert 0 < len(everything) - len(fit) < len(fit)
        for wanted, fits in (
            ({}, lambda _: True),
            ({"trunk_id": uuid(11)}, lambda it: it.trunk_id == uuid(11)),
            ({"bulk_id": uuid(8)}, lambda _: False),
            ({"destinations_containing": ("30012", "30003")}, lambda it: it.destination[-5:] in ("30012", "30003")),
        ):
            mine = sorted((it for it in fit if fits(it)), key=lambda it: (it.send_at, it.id))
            found, after = [], None
            while True:
                page = scheduled_page(connection, ScheduledSearch(uuid(1), since, **wanted), 3, after)
                found += page.entries
                if (after := page.after) is None:
                    break
            assert found == mine
        parts = parts_of_bulk(connection, uuid(7))
        assert len(parts) == 40
        assert sum(it.waits for it in parts) == 32
        some = messages_of(connection, [uuid(101), uuid(102), uuid(999)])
        assert {it.id for it in some} == {uuid(101), uuid(102)}


def test_texts_are_kept_only_where_the_account_says_so(engine: Engine, url: URL) -> None:
    """An account that does not ask for it has none in the database, and one that stops asking loses what there is."""
    lives = many_lives(60)
    held = read_into(engine, lives)
    with disposed(reader_engine(url)) as readers:

        def texts(number: int) -> int:
            with reading(readers) as connection:
                found = search_page(connection, Search(account_id=uuid(number)), 1000).entries
                return sum(it.content is not None for it in found)

        assert texts(1) > 30
        assert texts(2) == 0
        assert held.forget_texts(lambda account_id: account_id == uuid(1)) == 0
        assert held.forget_texts(lambda _: False) > 30
        assert texts(1) == 0
        assert held.forget_texts(lambda _: False) == 0


def test_what_no_text_of_the_database_can_hold_stops_nobody(engine: Engine, url: URL) -> None:
    """PostgreSQL's texts know no U+0000, and a producer may write one."""
    lives = Lives()
    lives.submitted(submission(source="a\0b", content="x\0y", accepted_at=NOON))
    lives.submitted(submission(source="\\u0000", accepted_at=NOON))
    read_into(engine, lives)
    with disposed(reader_engine(url)) as readers, reading(readers) as connection:
        found = search_page(connection, Search(account_id=uuid(1)), 10).entries
    assert {it.source for it in found} == {"a\ufffdb", "\\u0000"}
    assert {it.content for it in found} == {"x\ufffdy", "Hello"}


def test_who_reads_cannot_write(engine: Engine, url: URL) -> None:
    """A reader's connection refuses every change."""
    read_into(engine, many_lives(5))
    with disposed(reader_engine(url)) as readers, pytest.raises(LogUnavailable), reading(readers) as connection:
        connection.exec_driver_sql("DELETE FROM log_offsets")


def test_a_question_that_takes_too_long_ends(url: URL, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told apart from a database that does not answer."""
    monkeypatch.setattr("pipeline.message_log.database.READ_SECONDS", 0.2)
    slow = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT count(*) FROM n"
        if url.get_backend_name() == "sqlite"
        else "SELECT pg_sleep(60)"
    )
    with disposed(reader_engine(url)) as readers, pytest.raises(LogUnavailable) as raised, reading(readers) as it:
        it.exec_driver_sql(slow)
    assert raised.value.too_slow


def test_migrations_make_what_the_tables_say(engine: Engine) -> None:
    """What a migration has made is what the code reads and writes; running them again changes nothing."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    migrate(engine)
    with engine.connect() as connection, connection.begin():
        context = MigrationContext.configure(connection)
        differences = compare_metadata(context, fixed)
    assert [it for it in differences if "alembic_version" not in repr(it)] == []


CHANGED = ("sent_content", "text_changes", "national_language")
REFERENCES = ("client_reference", "tags")
CALLBACKS = ("callback_url",)
CAMPAIGNS = ("campaign_id",)
SCHEDULED = ("scheduled_partition", "scheduled_offset", "scheduled_at", "send_at", "bulk_id")


@pytest.mark.parametrize(
    ("version", "missing"),
    [
        ("0001", (*REFERENCES, *CHANGED, *CALLBACKS, *CAMPAIGNS, *SCHEDULED)),
        ("0002", (*CHANGED, *CALLBACKS, *CAMPAIGNS, *SCHEDULED)),
        ("0003", (*CALLBACKS, *CAMPAIGNS, *SCHEDULED)),
        ("0004", (*CAMPAIGNS, *SCHEDULED)),
        ("0005", SCHEDULED),
    ],
)
def test_days_from_before_an_update_go_on(engine: Engine, url: URL, version: str, missing: tuple[str, ...]) -> None:
    """An older database gets columns and indexes in the days that it has: it comes out as a new one."""
    lives = many_lives(60)
    read_into(engine, lives)
    new = shape_of(engine)
    with engine.begin() as connection:
        for day in known_days(connection):
            messages = tables_of(day).messages
            tables_of(day).cancellations.drop(connection)
            for index in messages.indexes:
                if set(missing) & set(index.columns.keys()):
                    index.drop(connection)
            for name in missing:
                connection.exec_driver_sql(f"ALTER TABLE {messages.name} DROP COLUMN {name}")
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    assert shape_of(engine) != new
    migrate(engine)
    assert shape_of(engine) == new
    lives.submitted(submission(accepted_at=NOON, client_reference="order 4711", tags=("shop",)))
    read_into(engine, lives)
    with disposed(reader_engine(url)) as readers, reading(readers) as connection:
        names = Counter(it.client_reference for it in search_page(connection, Search(account_id=uuid(1)), 1000).entries)
        (found,) = search_page(connection, Search(account_id=uuid(1), client_references=("order 4711",)), 10).entries
    assert (names["order 4711"], found.tags) == (1, ("shop",))
    assert (len(names) == 2) == ("client_reference" in missing)


def shape_of(engine: Engine) -> list[Any]:
    """Return what tables, columns and indexes there are, and of which rows these are."""
    inspector = inspect(engine)

    def index(it: Any) -> tuple[str, ...]:
        return it["name"], *it["column_names"], *map(str, it["dialect_options"].values())

    return [
        (
            name,
            sorted(it["name"] for it in inspector.get_columns(name)),
            sorted(map(index, inspector.get_indexes(name))),
        )
        for name in sorted(inspector.get_table_names())
    ]


def test_a_database_of_a_later_version_is_left_alone(engine: Engine) -> None:
    """Nobody knows what it means."""
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="later version"):
        migrate(engine)


def test_another_accounts_trunks_are_not_needed_to_read(engine: Engine) -> None:
    """A trunk that the directory has lost has no account here: its messages are there for operators alone."""
    lives = many_lives(30)
    read_into(engine, lives, directory=directory_of(account(9), trunk(99, account_id=uuid(9))))
    with engine.connect() as connection, connection.begin():
        assert search_page(connection, Search(trunk_ids=(uuid(11),)), 1000).entries
    assert DIRECTORY.trunk(uuid(11)) is not None


def test_nothing_answers(tmp_path: Path) -> None:
    """No database: one clear error, without the password."""
    nowhere = parsed("postgresql://user:secret-word@127.0.0.1:1/log")
    with disposed(writer_engine(nowhere)) as engine, pytest.raises(LogUnavailable) as raised:
        migrate(engine)
    assert "secret-word" not in str(raised.value)
    missing = reader_engine(parsed(f"sqlite:///{tmp_path / 'not-there.sqlite'}"))
    with disposed(missing) as engine, pytest.raises(LogUnavailable), reading(engine):
        pass
    assert not (tmp_path / "not-there.sqlite").exists()


def test_what_a_database_refuses_is_told_from_its_being_away(engine: Engine) -> None:
    """A value that no column holds is the record's fault."""
    batch = LogBatch(0, 100_000)
    row = batch.message(uuid(1), uuid(11), uuid(1), "1", "2", micros(NOON))
    assert row is not None
    batch.first(row, SUBMITTED, (0, 0))
    row[COLUMNS.index("source")] = None  # which no column takes
    writer = LogWriter(engine)
    writer.open()
    with pytest.raises(LogUnavailable) as raised:
        writer.write(batch, {LogPlace(topics.SUBMITTED, 0): 1})
    assert raised.value.rejected
    assert rows_of(engine) == {}
