"""What waits for its time, what is sent next first; and for a while what has become of what did.

Each day has an index of what was scheduled in it by the time that it is for, and nothing waits for longer than 35 days:
a page is put together from the days' firsts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, or_, select, tuple_

from pipeline.message_log.database import known_days
from pipeline.message_log.reading.cancellations import wishes_of
from pipeline.message_log.reading.history import CancelWish
from pipeline.message_log.reading.message import LoggedMessage
from pipeline.message_log.reading.search import Cursor
from pipeline.message_log.tables import DayTables, micros, tables_of


@dataclass(frozen=True, slots=True)
class ScheduledSearch:
    """What is looked for: what waits, and what has ended since `ended_since`; of an account, all filters fit."""

    account_id: str
    ended_since: datetime
    trunk_id: str | None = None
    destinations_containing: tuple[str, ...] = ()
    bulk_id: str | None = None


class ScheduledPage(NamedTuple):
    """Messages by the time that they are for, the wishes to cancel them, and where the next page begins."""

    entries: list[LoggedMessage]
    wishes: dict[tuple[str, str], CancelWish]
    after: Cursor | None


def scheduled_page(
    connection: Connection, search: ScheduledSearch, size: int, after: Cursor | None = None
) -> ScheduledPage:
    """Return a page of at most `size` messages behind `after`."""
    days = [_of_day(connection, tables_of(day), search, size + 1, after) for day in known_days(connection)]
    found = [message for _, message in islice(merge(*days, key=_place_of), size + 1)]
    entries = found[:size]
    rest = _place(entries[-1]) if len(found) > size else None
    return ScheduledPage(entries, wishes_of(connection, entries), rest)


def messages_of(connection: Connection, ids: Sequence[str]) -> list[LoggedMessage]:
    """Return everybody's messages with these ids."""
    found: list[LoggedMessage] = []
    for day in known_days(connection):
        messages = tables_of(day).messages
        rows = connection.execute(select(*messages.c).where(messages.c.id.in_(ids)))
        found += [LoggedMessage.of_row(row) for row in rows]
    return found


class BulkPart(NamedTuple):
    """What a trunk has in a bulk, and whether it waits still."""

    account_id: str | None
    trunk_id: str
    waits: bool


def parts_of_bulk(connection: Connection, bulk_id: str) -> list[BulkPart]:
    """Return a part for each message of everybody's bulks with an id: up to a thousand, unless producers share one."""
    found: list[BulkPart] = []
    for day in known_days(connection):
        columns = tables_of(day).messages.c
        waits = and_(columns.status.is_(None), columns.segmented_partition.is_(None))
        rows = connection.execute(select(columns.account_id, columns.trunk_id, waits).where(columns.bulk_id == bulk_id))
        found += [BulkPart(account_id, trunk_id, bool(it)) for account_id, trunk_id, it in rows]
    return found


_Placed = tuple[Cursor, LoggedMessage]


def _of_day(
    connection: Connection, day: DayTables, search: ScheduledSearch, count: int, after: Cursor | None
) -> list[_Placed]:
    columns = day.messages.c
    wanted: list[ColumnElement[bool]] = [
        columns.account_id == search.account_id,
        columns.send_at.is_not(None),  # in the words of the index
        or_(columns.ended_at.is_(None), columns.ended_at >= micros(search.ended_since)),
    ]
    if search.trunk_id is not None:
        wanted.append(columns.trunk_id == search.trunk_id)
    if search.bulk_id is not None:
        wanted.append(columns.bulk_id == search.bulk_id)
    if search.destinations_containing:
        parts = search.destinations_containing
        wanted.append(or_(*[columns.destination.contains(part, autoescape=True) for part in parts]))
    order = (columns.send_at, columns.id, columns.trunk_id)
    if after is not None:
        wanted += [columns.send_at >= after.at, tuple_(*order) > tuple_(*after)]
    rows = connection.execute(select(*columns).where(and_(*wanted)).order_by(*order).limit(count))
    return [(_place(it), it) for it in (LoggedMessage.of_row(row) for row in rows)]


def _place_of(placed: _Placed) -> Cursor:
    return placed[0]


def _place(message: LoggedMessage) -> Cursor:
    send_at = message.send_at
    return Cursor(0 if send_at is None else micros(send_at), message.id, message.trunk_id)
