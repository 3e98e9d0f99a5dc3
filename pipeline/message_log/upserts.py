"""The statements that write a batch: a row that is there is brought up to date, in both dialects alike.

SQLite is given rows one by one by its own `executemany`, PostgreSQL all of them as one array a column: the cheapest
way into each. SQLAlchemy writes the statements, once for each day, and is in the way of no row.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, case, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from pipeline.message_log.batch import COLUMNS, DELIVERED, PROCESSED, SEGMENTED, SUBMITTED
from pipeline.message_log.tables import tables_of

AT_ONCE: Final = 5000  # rows of one statement: bounds the arrays

_SMALLER: Final = ("source", "destination", "accepted_at")
_SMALLER_IF_ANY: Final = ("content", "client_reference", "tags")
_FIRST_GROUPS: Final = (COLUMNS[SUBMITTED], COLUMNS[SEGMENTED])
"""Columns that are written together, by the record that lies first: partition and offset come in front."""
_LAST_GROUPS: Final = (COLUMNS[PROCESSED], COLUMNS[DELIVERED])
"""The same of columns that are written again by whatever comes later."""


def write_messages(connection: Connection, day: int, rows: Sequence[Sequence[Any]]) -> None:
    """Write rows of a day's messages, each with all columns."""
    _write(connection, "messages", day, rows)


def write_journal(connection: Connection, day: int, rows: Sequence[Sequence[Any]]) -> None:
    """Write rows of a day's journal."""
    _write(connection, "journal", day, rows)


def write_callbacks(connection: Connection, day: int, rows: Sequence[Sequence[Any]]) -> None:
    """Write rows of a day's attempts to notify."""
    _write(connection, "callbacks", day, rows)


def _write(connection: Connection, family: str, day: int, rows: Sequence[Sequence[Any]]) -> None:
    dialect = connection.dialect.name
    statement = _statement(dialect, family, day)
    for begin in range(0, len(rows), AT_ONCE):
        part = rows[begin : begin + AT_ONCE]
        if dialect == "sqlite":
            driver: Any = connection.connection.driver_connection
            driver.executemany(statement, part)
        else:
            columns = [list(column) for column in zip(*part, strict=True)]
            connection.exec_driver_sql(statement, tuple(columns))


@cache
def _statement(dialect: str, family: str, day: int) -> str:
    table: Table = getattr(tables_of(day), family)
    columns = list(table.columns)
    compiled: SQLCompiler
    if dialect == "sqlite":
        into_sqlite = sqlite.insert(table).values({it.name: bindparam(it.name) for it in columns})
        upsert_sqlite = into_sqlite.on_conflict_do_update(
            index_elements=list(table.primary_key), set_=_changes(family, table, into_sqlite.excluded, func.min)
        )
        compiled = upsert_sqlite.compile(dialect=sqlite.dialect(paramstyle="qmark"))
        return _in_order(compiled, [it.name for it in columns])
    arrays = [bindparam(it.name, type_=postgresql.ARRAY(it.type)) for it in columns]
    unnested = func.unnest(*arrays).table_valued(*[it.name for it in columns]).render_derived()
    into = postgresql.insert(table).from_select(columns, select(*[unnested.c[it.name] for it in columns]))
    upsert = into.on_conflict_do_update(
        index_elements=list(table.primary_key), set_=_changes(family, table, into.excluded, func.least)
    )
    compiled = upsert.compile(dialect=postgresql.psycopg.dialect(paramstyle="format"))  # type: ignore[no-untyped-call]
    return _in_order(compiled, [it.name for it in columns])


def _in_order(compiled: SQLCompiler, columns: list[str]) -> str:
    """Return the statement; its parameters are the columns in their order, each once, or rows would be mixed up."""
    if compiled.positiontup != columns:
        raise AssertionError(f"parameters in the order {compiled.positiontup}")
    return str(compiled)


def _changes(family: str, table: Table, new: Any, smaller: Any) -> dict[str, ColumnElement[Any]]:
    old = table.c
    if family == "callbacks":
        return {it.name: new[it.name] for it in table.columns if not it.primary_key}
    changes: dict[str, ColumnElement[Any]]
    if family == "journal":
        changes = {it.name: new[it.name] for it in table.columns if not it.primary_key}
        return changes | {"began_at": func.coalesce(new.began_at, old.began_at)}
    changes = {name: smaller(old[name], new[name]) for name in _SMALLER}
    changes["account_id"] = func.coalesce(old.account_id, new.account_id)
    changes |= {name: func.coalesce(smaller(old[name], new[name]), old[name], new[name]) for name in _SMALLER_IF_ANY}
    for group in _FIRST_GROUPS:
        partition, offset = group[0], group[1]
        is_first = or_(
            old[partition].is_(None),
            new[partition] < old[partition],
            and_(new[partition] == old[partition], new[offset] < old[offset]),
        )
        changes |= {name: case((is_first, new[name]), else_=old[name]) for name in group}
    for group in _LAST_GROUPS:
        is_newer = new[group[0]].is_not(None)
        changes |= {name: case((is_newer, new[name]), else_=old[name]) for name in group}
    return changes
