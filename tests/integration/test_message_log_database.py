"""What the message log promises of its database, whichever that is: nothing lost, nothing twice, made anew the same."""

import math
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import URL, Engine, create_engine, inspect

from pipeline.errors import ConfigurationError, LogUnavailable, StateLost
from pipeline.message_log import upserts, writer
from pipeline.message_log.batch import COLUMNS, LogBatch
from pipeline.message_log.callback_log import AttemptSearch, attempts_page, endpoints, has_accepted_callback
from pipeline.message_log.database import known_days, migrate, parsed, reader_engine, reading, writer_engine
from pipeline.message_log.look_up import find, history_of
from pipeline.message_log.message import EventKind, LoggedMessage, LogState
from pipeline.message_log.search import Search, search_page
from pipeline.message_log.statistics import LATENCIES_MS, Outcome, Stretch, has_messages, statistics
from pipeline.message_log.tables import day_of, fixed, micros, tables_of
from pipeline.message_log.writer import LogPlace, LogWriter
from schemas import topics
from tests.builders import account, directory_of, submission, trunk, uuid
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
    assert {name.partition("_")[0]: len(rows) > 50 for name, rows in first.items() if name.endswith("0301")} == {
        "messages": True, "journal": True, "callbacks": True,
    }  # fmt: skip
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
                took = sorted((it.ended_at - it.accepted_at).total_seconds() * 1000 for it in mine if it.ended_at)
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
        return Outcome.IN_PROGRESS
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
        sent = next(it for it in everything if it.delivery_status and it.accepted_at != MIDNIGHT)
        assert find(connection, sent.id, trunk_id=sent.trunk_id) == [sent]
        assert find(connection, sent.id, trunk_id=uuid(12)) == []
        events = history_of(connection, sent).events()
        kinds = [it.kind for it in events]
        assert kinds[:2] == [EventKind.ACCEPTED, EventKind.AUTHORIZED]
        assert {EventKind.SUBMITTING, EventKind.SEGMENT, EventKind.PROCESSED, EventKind.DELIVERY} < set(kinds)
        assert kinds[-1] is EventKind.CALLBACK
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


def test_days_from_before_references_go_on(engine: Engine, url: URL) -> None:
    """A database of the first version gets columns and indexes in the days that it has: it comes out as a new one."""
    lives = many_lives(60)
    read_into(engine, lives)
    new = shape_of(engine)
    with engine.begin() as connection:
        for day in known_days(connection):
            messages = tables_of(day).messages
            for index in messages.indexes:
                if {"client_reference", "tags"} & set(index.columns.keys()):
                    index.drop(connection)
            for name in ("client_reference", "tags"):
                connection.exec_driver_sql(f"ALTER TABLE {messages.name} DROP COLUMN {name}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert shape_of(engine) != new
    migrate(engine)
    assert shape_of(engine) == new
    lives.submitted(submission(accepted_at=NOON, client_reference="order 4711", tags=("shop",)))
    read_into(engine, lives)
    with disposed(reader_engine(url)) as readers, reading(readers) as connection:
        names = Counter(it.client_reference for it in search_page(connection, Search(account_id=uuid(1)), 1000).entries)
        (found,) = search_page(connection, Search(account_id=uuid(1), client_references=("order 4711",)), 10).entries
    assert (len(names), names["order 4711"], found.tags) == (2, 1, ("shop",))


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
    row[COLUMNS.index("reason")] = None
    row[COLUMNS.index("source")] = None  # which no column takes
    writer = LogWriter(engine)
    writer.open()
    with pytest.raises(LogUnavailable) as raised:
        writer.write(batch, {LogPlace(topics.SUBMITTED, 0): 1})
    assert raised.value.rejected
    assert rows_of(engine) == {}
