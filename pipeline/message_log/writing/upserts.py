"""The statements that write a batch: a row that is there is brought up to date, in both dialects alike.

SQLite is given rows one by one by its own `executemany`, PostgreSQL all of them as one array a column: the cheapest
way into each. SQLAlchemy writes the statements, once for each day, and is in the way of no row.

Of a message only the columns that its records fill are written: most others are empty most of the time, and would cost
as much. Nor is what all its records say written again, unless they contradict each other: SQLite would move the row in
each index of it, whether it changes or not.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from itertools import compress, repeat
from operator import is_not, itemgetter
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, case, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from pipeline.message_log.tables import tables_of
from pipeline.message_log.writing.batch import (
    COLUMNS,
    DELIVERED,
    PROCESSED,
    SCHEDULED,
    SEGMENTED,
    SUBMITTED,
    MessageRow,
)

AT_ONCE: Final = 5000  # rows of one statement: bounds the arrays

Names = tuple[str, ...]
"""Columns."""

_SMALLER: Final = ("source", "destination", "accepted_at")
_ALIKE: Final = ("account_id", *_SMALLER)
"""What all records of a message say; indexes begin with it."""
_SMALLER_IF_ANY: Final = ("content", "sent_content", "client_reference", "tags", "callback_url", "campaign_id")
_FIRST_GROUPS: Final = (COLUMNS[SUBMITTED], COLUMNS[SCHEDULED], COLUMNS[SEGMENTED])
"""Columns that are written together, by the record that lies first: partition and offset come in front."""
_LAST_GROUPS: Final = (COLUMNS[PROCESSED], COLUMNS[DELIVERED])
"""The same of columns that are written again by whatever comes later."""
_GROUPS: Final = tuple(
    sorted([*_FIRST_GROUPS, *_LAST_GROUPS, *[(name,) for name in _SMALLER_IF_ANY]], key=lambda it: COLUMNS.index(it[0]))
)
"""What is filled or left empty together, in the table's order; where it is filled its first column is."""

_first_of_each: Final = itemgetter(*[COLUMNS.index(group[0]) for group in _GROUPS])


def write_messages(connection: Connection, day: int, rows: Sequence[MessageRow]) -> None:
    """Write rows of a day's messages."""
    by_groups: defaultdict[tuple[bool, ...], list[MessageRow]] = defaultdict(list)
    for row in rows:
        by_groups[tuple(map(is_not, _first_of_each(row), repeat(None)))].append(row)
    for groups, filled in by_groups.items():
        names = ("id", "trunk_id", *_ALIKE, *[name for group in compress(_GROUPS, groups) for name in group])
        values = list(map(itemgetter(*map(COLUMNS.index, names)), filled))
        if _write(connection, "messages", day, values, names, agreeing=True) < len(values):
            _write(connection, "messages", day, values, names)


def write_journal(connection: Connection, day: int, rows: Sequence[Sequence[Any]]) -> None:
    """Write rows of a day's journal, each with all columns."""
    _write(connection, "journal", day, rows)


def write_callbacks(connection: Connection, day: int, rows: Sequence[Sequence[Any]]) -> None:
    """Write rows of a day's attempts to notify, each with all columns."""
    _write(connection, "callbacks", day, rows)


def write_cancellations(connection: Connection, day: int, rows: Sequence[Sequence[Any]]) -> None:
    """Write rows of a day's wishes to cancel, each with all columns."""
    _write(connection, "cancellations", day, rows)


def _write(
    connection: Connection,
    family: str,
    day: int,
    rows: Sequence[Sequence[Any]],
    names: Names | None = None,
    *,
    agreeing: bool = False,
) -> int:
    """Write rows of the columns `names`, or of all; return how many have been."""
    dialect, count = connection.dialect.name, 0
    statement = _statement(dialect, family, day, names, agreeing=agreeing)
    for begin in range(0, len(rows), AT_ONCE):
        part = rows[begin : begin + AT_ONCE]
        if dialect == "sqlite":
            driver: Any = connection.connection.driver_connection
            count += driver.executemany(statement, part).rowcount
        else:
            columns = [list(column) for column in zip(*part, strict=True)]
            count += connection.exec_driver_sql(statement, tuple(columns)).rowcount
    return count


@cache
def _statement(dialect: str, family: str, day: int, names: Names | None, *, agreeing: bool) -> str:
    """Return the statement; an `agreeing` one passes over rows that contradict what is there."""
    table: Table = getattr(tables_of(day), family)
    columns = [it for it in table.columns if names is None or it.name in names]
    into: Any
    smaller: Any
    written: Any
    if dialect == "sqlite":
        into = sqlite.insert(table).values({it.name: bindparam(it.name) for it in columns})
        smaller, written = func.min, sqlite.dialect(paramstyle="qmark")
    else:
        arrays = [bindparam(it.name, type_=postgresql.ARRAY(it.type)) for it in columns]
        unnested = func.unnest(*arrays).table_valued(*[it.name for it in columns]).render_derived()
        into = postgresql.insert(table).from_select(columns, select(*[unnested.c[it.name] for it in columns]))
        smaller, written = func.least, postgresql.psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
    changes = _changes(family, table.c, into.excluded, smaller)
    left_alone = {*table.primary_key.columns.keys(), *(_ALIKE if agreeing else ())}
    agrees = and_(*[table.c[name].is_not_distinct_from(into.excluded[name]) for name in _ALIKE]) if agreeing else None
    upsert = into.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={it.name: changes[it.name] for it in columns if it.name not in left_alone},
        where=agrees,
    )
    compiled: SQLCompiler = upsert.compile(dialect=written)
    # Each column is a parameter, once and in its place, or rows would be mixed up.
    if compiled.positiontup != [it.name for it in columns]:
        raise AssertionError(f"parameters in the order {compiled.positiontup}")
    return str(compiled)


def _changes(family: str, old: Any, new: Any, smaller: Any) -> dict[str, ColumnElement[Any]]:
    """Return what becomes of each column of a row that is there."""
    changes: dict[str, ColumnElement[Any]] = {column.name: new[column.name] for column in old}
    if family == "cancellations":
        changes["at"] = smaller(old.at, new.at)
    elif family == "journal":
        changes["began_at"] = func.coalesce(new.began_at, old.began_at)
    elif family == "messages":
        changes["account_id"] = func.coalesce(old.account_id, new.account_id)
        changes |= {name: smaller(old[name], new[name]) for name in _SMALLER}
        changes |= {name: func.coalesce(smaller(old[name], new[name]), new[name]) for name in _SMALLER_IF_ANY}
        for group in _FIRST_GROUPS:
            partition, offset = group[0], group[1]
            is_first = or_(
                old[partition].is_(None),
                new[partition] < old[partition],
                and_(new[partition] == old[partition], new[offset] < old[offset]),
            )
            changes |= {name: case((is_first, new[name]), else_=old[name]) for name in group}
    return changes
