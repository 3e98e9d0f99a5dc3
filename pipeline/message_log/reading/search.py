"""What is looked for in the log, and a page of what was found, the newest first.

Days are searched one after the other, for as long as the page is not full: a search for what is there costs the same
however long the log is. It is always about one account or some trunks, for which each day has an index.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, func, or_, select, tuple_

from pipeline.errors import Refused
from pipeline.message_log.database import days_between
from pipeline.message_log.reading.message import LoggedMessage, LogState
from pipeline.message_log.tables import day_of, micros, stored_tags, tables_of

MAX_SIZE: Final = 1000
MAX_VALUES: Final = 100
"""Values of one filter."""


class Cursor(NamedTuple):
    """Where a page ended, in the order of times: the next one has what is behind it."""

    at: int
    id: str
    trunk_id: str

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(json.dumps(self).encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read one. Raises `Refused` for what is none."""
        try:
            at, identity, trunk_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (ValueError, TypeError, binascii.Error, RecursionError):
            raise Refused("the cursor is none that a page has given out", stage="message-log") from None
        if not (type(at) is int and 0 <= at < 1 << 62 and isinstance(identity, str) and isinstance(trunk_id, str)):
            raise Refused("the cursor is none that a page has given out", stage="message-log")
        return cls(at, identity, trunk_id)


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: of several values of one filter any, of the filters all.

    `account_id` or `trunk_ids` is given. `since` and `until` bound when a message was accepted, `until` excluded.
    """

    account_id: str | None = None
    trunk_ids: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    sources: tuple[str, ...] = ()
    sources_containing: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    destinations_containing: tuple[str, ...] = ()
    numbers_containing: tuple[str, ...] = ()
    """Source or destination."""
    or_references: tuple[str, ...] = ()
    """Beside what has these numbers, what has one of these references: what a person has typed may be either."""
    client_references: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    campaign_ids: tuple[str, ...] = ()
    bulk_ids: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    delivery_statuses: tuple[str, ...] = ()
    code_ids: tuple[int, ...] = ()


class FoundPage(NamedTuple):
    """Messages, the newest first, and where the next page begins; None when there is none."""

    entries: list[LoggedMessage]
    after: Cursor | None


def search_page(connection: Connection, search: Search, size: int, after: Cursor | None = None) -> FoundPage:
    """Return a page of at most `size` messages behind `after`."""
    size = min(max(1, size), MAX_SIZE)
    found: list[LoggedMessage] = []
    for day in _days(connection, search, after):
        found += _of_day(connection, day, search, size + 1 - len(found), after)
        if len(found) > size:
            last = found[size - 1]
            return FoundPage(found[:size], Cursor(micros(last.accepted_at), last.id, last.trunk_id))
    return FoundPage(found, None)


def _days(connection: Connection, search: Search, after: Cursor | None) -> Iterator[int]:
    for day in days_between(connection, search.since, search.until):
        if after is None or day <= day_of(after.at):
            yield day


def _of_day(connection: Connection, day: int, search: Search, count: int, after: Cursor | None) -> list[LoggedMessage]:
    """Return up to `count` messages of a day, the newest first."""
    messages = tables_of(day).messages
    alternatives = [
        [
            LoggedMessage.of_row(row)
            for row in connection.execute(_statement(connection, messages, it, after).limit(count))
        ]
        for it in _alternatives(search)
    ]
    if len(alternatives) == 1:
        return alternatives[0]
    once = {(it.accepted_at, it.id, it.trunk_id): it for found in alternatives for it in found}
    return [once[key] for key in sorted(once, reverse=True)[:count]]


def _alternatives(search: Search) -> list[Search]:
    """Return the searches that together find it: there is an index for each of them, and none for both."""
    if search.numbers_containing and search.or_references:
        return [replace(search, or_references=()), replace(search, numbers_containing=())]
    return [search]


def _statement(
    connection: Connection, messages: Table, search: Search, after: Cursor | None
) -> Select[tuple[object, ...]]:
    columns, has = messages.c, _instr if connection.dialect.name == "sqlite" else _like
    references = [some for some in (search.client_references, search.or_references) if some]
    wanted: list[ColumnElement[bool]] = []
    # A whole destination has few messages, so has a reference, and few have tags or do not succeed. SQLite does not
    # know that, so the indexes of owners are kept from it: their columns are in the other one, too.
    account_id, trunk_id = columns.account_id, columns.trunk_id
    few = (
        search.destinations
        or references
        or search.tags
        or search.campaign_ids
        or search.bulk_ids
        or (search.states and LogState.SUCCESS not in search.states)
    )
    owner, trunk = (account_id.concat(""), trunk_id.concat("")) if few else (account_id, trunk_id)
    if search.account_id is not None:
        wanted.append(owner == search.account_id)
    if search.trunk_ids:
        wanted.append(trunk.in_(search.trunk_ids))
    if search.since is not None:
        wanted.append(columns.accepted_at >= micros(search.since))
    if search.until is not None:
        wanted.append(columns.accepted_at < micros(search.until))
    for column, equal, containing in (
        (columns.source, search.sources, search.sources_containing),
        (columns.destination, search.destinations, search.destinations_containing),
    ):
        any_of = [has(column, part) for part in containing]
        if equal:
            any_of.append(column.in_(equal))
        if any_of:
            wanted.append(or_(*any_of))
    if search.numbers_containing:
        wanted.append(
            or_(
                *(
                    has(column, part)
                    for column in (columns.source, columns.destination)
                    for part in search.numbers_containing
                )
            )
        )
    wanted += [columns.client_reference.in_(some) for some in references]
    if search.campaign_ids:
        wanted.append(columns.campaign_id.in_(search.campaign_ids))
    if search.bulk_ids:
        wanted.append(columns.bulk_id.in_(search.bulk_ids))
    if search.tags:
        wanted.append(columns.tags.is_not(None))  # in the words of the index, as below
        any_tag = [has(columns.tags, str(stored_tags((tag,)))) for tag in search.tags]
        wanted.append(or_(*any_tag))
    if search.states:
        wanted.append(_in_states(messages, search.states))
    if search.delivery_statuses:
        wanted.append(columns.delivery_status.in_(search.delivery_statuses))
    if search.code_ids:
        wanted.append(columns.code_id.in_(search.code_ids))
    order = (columns.accepted_at, columns.id, columns.trunk_id)
    if after is not None:
        wanted.append(columns.accepted_at <= after.at)  # what an index can be asked
        wanted.append(tuple_(*order) < tuple_(*after))
    return select(*columns).where(and_(*wanted)).order_by(*(it.desc() for it in order))


def _instr(column: ColumnElement[str], part: str) -> ColumnElement[bool]:
    return func.instr(column, part) > 0


def _like(column: ColumnElement[str], part: str) -> ColumnElement[bool]:
    # PostgreSQL knows how few a pattern finds, and then looks with several processes; of a position it knows nothing.
    return column.contains(part, autoescape=True)


def _in_states(messages: Table, states: Sequence[str]) -> ColumnElement[bool]:
    columns = messages.c
    any_of: list[ColumnElement[bool]] = []
    if final := [it for it in states if it not in (LogState.QUEUED, LogState.SCHEDULED, LogState.IN_PROGRESS)]:
        any_of.append(columns.status.in_(final))
    is_before = and_(columns.status.is_(None), columns.segmented_partition.is_(None))
    if LogState.QUEUED in states:
        any_of.append(and_(is_before, columns.scheduled_partition.is_(None)))
    if LogState.SCHEDULED in states:
        any_of.append(and_(is_before, columns.scheduled_partition.is_not(None)))
    if LogState.IN_PROGRESS in states:
        any_of.append(and_(columns.status.is_(None), columns.segmented_partition.is_not(None)))
    found = or_(*any_of)
    if LogState.SUCCESS in states:
        return found
    # In the words of the index of what is rare: SQLite uses it for a question that repeats its condition.
    return and_(or_(columns.status.is_(None), columns.status != LogState.SUCCESS.value), found)
