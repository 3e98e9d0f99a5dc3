"""The database behind the log: SQLite in a file of ours, or PostgreSQL by URL; to write to, and to read from.

One process writes. Readers, which may be others, never wait for it: SQLite keeps a write-ahead log, PostgreSQL
versions. Whoever reads is not allowed to write, and no statement of theirs takes longer than `READ_SECONDS`.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, Connection, Engine, Inspector, create_engine, event, inspect, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import QueuePool

from pipeline.disk import ADVICE, is_full
from pipeline.errors import ConfigurationError, LogUnavailable
from pipeline.message_log.tables import DAYS, day_of, micros
from pipeline.settings import DatabaseSettings, StateSettings

if TYPE_CHECKING:
    from alembic.config import Config

FILE: Final = "message-log.sqlite"
READ_SECONDS: Final = 5.0
"""What a question may take: a search through everything for something that is not there must not hold the others up."""
WAIT_SECONDS: Final = 10.0
READERS: Final = 8

# The driver looks for a way to adapt each None anew, and finds none: with this it takes a quarter of the time.
sqlite3.register_adapter(type(None), lambda _: None)
_STEPS: Final = 10_000  # of SQLite's machine between two looks at the clock: less than a millisecond
_CACHE_KIB: Final = 65_536
_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_ADVISORY_LOCK: Final = 7_305_117_221


def database_url() -> URL:
    """Return where the log is: SMSOUT_DATABASE_URL, else a file in SMSOUT_STATE_DIR.

    Raises `ConfigurationError` when there is neither, or the URL is of no database that the log can be in.
    """
    given = DatabaseSettings().database_url
    if given is None:
        path = StateSettings().file(FILE)
        if path is None:
            raise ConfigurationError(
                "the message log needs a place: set SMSOUT_DATABASE_URL (postgresql://user:password@host/name), or "
                "SMSOUT_STATE_DIR for a file of its own"
            )
        return URL.create("sqlite", database=str(path.absolute()))
    return parsed(given.get_secret_value())


def parsed(text: str) -> URL:
    """Return a URL with the driver that is here. Raises `ConfigurationError`, without the URL: it holds a password."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise ConfigurationError("SMSOUT_DATABASE_URL is no URL: postgresql://user:password@host:5432/name") from None
    backend = url.drivername.partition("+")[0]
    if backend == "sqlite" and url.database:
        return URL.create("sqlite", database=str(Path(url.database).absolute()))
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise ConfigurationError(f"SMSOUT_DATABASE_URL is of a {backend} database: sqlite and postgresql are known")


def writer_engine(url: URL) -> Engine:
    """Return an engine for the one process that writes; each transaction begins with the right to write."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_size=1, max_overflow=1, pool_pre_ping=True, hide_parameters=True)
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_engine(url, hide_parameters=True, connect_args={"isolation_level": None, "timeout": WAIT_SECONDS})
    # Larger pages, written back less often: a tenth of the CPU per row. A new file only takes another page size.
    bulk = ["page_size = 8192", "journal_mode = WAL", "wal_autocheckpoint = 8000"]
    _set_up(engine, [*bulk, "synchronous = NORMAL", f"cache_size = -{_CACHE_KIB}"])
    _begin_with(engine, "BEGIN IMMEDIATE")
    return engine


def reader_engine(url: URL) -> Engine:
    """Return an engine for those who only read."""
    if url.get_backend_name() != "sqlite":
        options = f"-c default_transaction_read_only=on -c statement_timeout={int(READ_SECONDS * 1000)}"
        return create_engine(
            url, pool_size=READERS, max_overflow=0, pool_timeout=WAIT_SECONDS, pool_pre_ping=True, hide_parameters=True,
            # No plan is kept: what is looked for decides which one is good.
            connect_args={"options": options, "connect_timeout": int(WAIT_SECONDS), "prepare_threshold": None},
        )  # fmt: skip
    path = Path(str(url.database)).absolute().as_uri()

    def connect() -> sqlite3.Connection:
        # Not made when it is not there: that is for its writer to do.
        return sqlite3.connect(
            f"{path}?mode=rw", uri=True, isolation_level=None, timeout=WAIT_SECONDS, check_same_thread=False
        )

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=READERS,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS,
        hide_parameters=True,
    )
    _set_up(engine, ["query_only = ON", f"cache_size = -{_CACHE_KIB // 4}", "mmap_size = 1073741824"])
    _begin_with(engine, "BEGIN")
    return engine


def _set_up(engine: Engine, pragmas: list[str]) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")


def _begin_with(engine: Engine, statement: str) -> None:
    # The driver begins no transaction itself (isolation_level None): it would leave out changes of tables.
    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql(statement)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give out a connection for one question. Raises `LogUnavailable`, also when the answer takes too long."""
    try:
        with engine.connect() as connection, connection.begin(), _limited(connection):
            yield connection
    except DBAPIError as error:
        if _is_too_slow(error):
            raise LogUnavailable(
                "the search takes too long: narrow it down, to fewer days or to one trunk", too_slow=True
            ) from None
        raise LogUnavailable(f"the message log's database does not answer: {words_of(error)}") from None


@contextmanager
def _limited(connection: Connection) -> Iterator[None]:
    if connection.dialect.name != "sqlite":
        yield
        return
    raw: Any = connection.connection.driver_connection
    until = time.monotonic() + READ_SECONDS
    raw.set_progress_handler(lambda: int(time.monotonic() > until), _STEPS)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)


def _is_too_slow(error: DBAPIError) -> bool:
    words = str(error.orig)
    return "interrupted" in words or "statement timeout" in words


def is_rejection(error: DBAPIError | sqlite3.Error) -> bool:
    """Tell whether a database refuses what it was given, and not its being written at all (a full disk, a lock)."""
    said = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(said, "sqlstate", None) or ""
    # Classes of SQLSTATE: data, integrity, program limits (an index entry that is too large).
    return state[:2] in ("22", "23", "54") or isinstance(said, sqlite3.DataError | sqlite3.IntegrityError)


_POSTGRESQL_DISK_FULL: Final = "53100"


def words_of(error: DBAPIError | sqlite3.Error) -> str:
    """Return what a database says, without the values that it may quote in further lines."""
    said = error.orig if isinstance(error, DBAPIError) else error
    words = str(said).strip().partition("\n")[0]
    return f"{words}: {ADVICE}" if is_full(said) or getattr(said, "sqlstate", None) == _POSTGRESQL_DISK_FULL else words


def migrate(engine: Engine) -> None:
    """Bring the database up to this version. Raises `LogUnavailable`, and `ConfigurationError` for a later version's.

    Two processes that start at once do it one after the other.
    """
    # Imported here: whoever only reads, and every command, would wait a tenth of a second for it.
    from alembic import command
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
            config = _config(connection)
            known = {it.revision for it in ScriptDirectory.from_config(config).walk_revisions()}
            current = MigrationContext.configure(connection).get_current_revision()
            if current is not None and current not in known:
                raise ConfigurationError(
                    f"the message log's database is of a later version ({current}): start that version, or drop the "
                    "database and have it made anew from the topics"
                )
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise LogUnavailable(f"the message log's database does not answer: {words_of(error)}") from None


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def known_days(connection: Connection) -> list[int]:
    """Return the days that have tables, the newest first."""
    return list(connection.scalars(select(DAYS.c.day).order_by(DAYS.c.day.desc())))


def days_between(connection: Connection, since: datetime | None, until: datetime | None) -> list[int]:
    """Return those in which something of [since, until) may lie, the newest first; None bounds nothing."""
    first = None if since is None else day_of(micros(since))
    last = None if until is None else day_of(micros(until) - 1)
    return [day for day in known_days(connection) if (first is None or day >= first) and (last is None or day <= last)]


def is_made(connection: Connection) -> bool:
    """Tell whether the log's tables are there at all."""
    inspector: Inspector = inspect(connection)
    return inspector.has_table(DAYS.name)
