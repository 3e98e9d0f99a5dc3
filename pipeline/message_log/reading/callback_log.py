"""Attempts to notify: a page of a trunk's, the newest first, and how those of one or several trunks went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, case, func, select, tuple_

from pipeline.message_log.database import days_between, known_days
from pipeline.message_log.reading.history import Notified
from pipeline.message_log.reading.percentile import percentile
from pipeline.message_log.reading.search import MAX_SIZE, Cursor
from pipeline.message_log.tables import day_of, micros, moment, tables_of
from schemas.messages.callback import AttemptOutcome

TRUNKS_AT_ONCE: Final = 500  # in one statement


@dataclass(frozen=True, slots=True)
class AttemptSearch:
    """Which attempts of a trunk. `failed` None: all of them, True: those that were not accepted."""

    trunk_id: str
    since: datetime | None = None
    until: datetime | None = None
    failed: bool | None = None
    message_id: str | None = None


class AttemptPage(NamedTuple):
    """Attempts, and where the next page begins."""

    attempts: list[Notified]
    after: Cursor | None


class Performance(NamedTuple):
    """How attempts went; times in milliseconds, None without any."""

    attempts: int
    accepted: int
    median_ms: int | None
    p95_ms: int | None

    @property
    def rate(self) -> float | None:
        """The share that was accepted."""
        return self.accepted / self.attempts if self.attempts else None


class Endpoint(NamedTuple):
    """How a trunk's endpoint answered."""

    trunk_id: str
    attempts: int
    accepted: int
    mean_ms: int


def attempts_page(connection: Connection, search: AttemptSearch, size: int, after: Cursor | None = None) -> AttemptPage:
    """Return a page of at most `size` attempts behind `after`."""
    size = min(max(1, size), MAX_SIZE)
    found: list[Notified] = []
    for day in days_between(connection, search.since, search.until):
        if after is not None and day > day_of(after.at):
            continue
        callbacks = tables_of(day).callbacks
        wanted = _wanted(callbacks, search)
        order = (callbacks.c.at, callbacks.c.message_id, callbacks.c.stage)
        if after is not None:
            wanted = and_(wanted, callbacks.c.at <= after.at, tuple_(*order) < tuple_(*after))
        statement = select(*callbacks.c).where(wanted).order_by(*(it.desc() for it in order))
        found += [notified(row) for row in connection.execute(statement.limit(size + 1 - len(found)))]
        if len(found) > size:
            last = found[size - 1]
            return AttemptPage(found[:size], Cursor(micros(last.at), last.message_id, last.stage))
    return AttemptPage(found, None)


def performance(connection: Connection, search: AttemptSearch) -> Performance:
    """Return how the attempts went that a search finds."""
    times: dict[int, int] = {}
    attempts = accepted = 0
    for day in days_between(connection, search.since, search.until):
        callbacks = tables_of(day).callbacks
        took = callbacks.c.milliseconds
        grouped = select(took, func.count(), _accepted(callbacks)).where(_wanted(callbacks, search)).group_by(took)
        for milliseconds, count, good in connection.execute(grouped):
            times[milliseconds] = times.get(milliseconds, 0) + count
            attempts += count
            accepted += good
    return Performance(attempts, accepted, percentile(times, 0.5), percentile(times, 0.95))


def endpoints(connection: Connection, trunk_ids: Sequence[str], since: datetime, until: datetime) -> list[Endpoint]:
    """Return how the endpoints of some trunks answered, those first of whose attempts most failed."""
    sums: dict[str, list[int]] = {}
    for day in days_between(connection, since, until):
        callbacks = tables_of(day).callbacks
        counted = select(callbacks.c.trunk_id, func.count(), _accepted(callbacks), func.sum(callbacks.c.milliseconds))
        for begin in range(0, len(trunk_ids), TRUNKS_AT_ONCE):
            wanted = and_(
                callbacks.c.trunk_id.in_(trunk_ids[begin : begin + TRUNKS_AT_ONCE]),
                callbacks.c.at >= micros(since),
                callbacks.c.at < micros(until),
                _attempted(callbacks),
            )
            for trunk_id, *numbers in connection.execute(counted.where(wanted).group_by(callbacks.c.trunk_id)):
                known = sums.setdefault(trunk_id, [0, 0, 0])
                sums[trunk_id] = [before + int(more) for before, more in zip(known, numbers, strict=True)]
    found = [Endpoint(trunk_id, count, good, took // count) for trunk_id, (count, good, took) in sums.items()]
    return sorted(found, key=lambda it: (it.accepted - it.attempts, -it.mean_ms, it.trunk_id))


def has_accepted_callback(connection: Connection, trunk_ids: Sequence[str]) -> bool:
    """Tell whether an endpoint of any of these trunks has ever taken a callback, as far as the log reaches back."""
    for day in known_days(connection):
        callbacks = tables_of(day).callbacks
        for begin in range(0, len(trunk_ids), TRUNKS_AT_ONCE):
            taken = select(callbacks.c.message_id).where(
                callbacks.c.trunk_id.in_(trunk_ids[begin : begin + TRUNKS_AT_ONCE]),
                callbacks.c.outcome == AttemptOutcome.ACCEPTED.value,
            )
            if connection.scalar(taken.limit(1)) is not None:
                return True
    return False


def failing_trunks(connection: Connection, trunk_ids: list[str], now: datetime, within: timedelta) -> set[str]:
    """Return the trunks whose newest attempt within a time was not accepted."""
    newest: dict[str, tuple[int, str]] = {}
    since = micros(now - within)
    for day in known_days(connection):
        if day < day_of(since) or not trunk_ids:
            continue
        callbacks = tables_of(day).callbacks
        of_day = (
            select(callbacks.c.trunk_id, func.max(callbacks.c.at).label("at"))
            .where(callbacks.c.trunk_id.in_(trunk_ids), callbacks.c.at >= since, _attempted(callbacks))
            .group_by(callbacks.c.trunk_id)
            .subquery()
        )
        newest_of_day = and_(callbacks.c.trunk_id == of_day.c.trunk_id, callbacks.c.at == of_day.c.at)
        joined = callbacks.join(of_day, and_(newest_of_day, _attempted(callbacks)))
        rows = connection.execute(select(callbacks.c.trunk_id, callbacks.c.at, callbacks.c.outcome).select_from(joined))
        for trunk_id, at, outcome in rows:
            newest[trunk_id] = max(newest.get(trunk_id, (0, "")), (at, outcome))
    return {trunk_id for trunk_id, (_, outcome) in newest.items() if outcome != AttemptOutcome.ACCEPTED}


def notified(row: Row[Any]) -> Notified:
    """Return the attempt of a row with all columns."""
    message_id, trunk_id, stage, at, attempt, resent_at, *rest = tuple[Any, ...](row)
    resent = None if resent_at is None else moment(resent_at)
    return Notified(message_id, trunk_id, stage, moment(at), attempt, resent, *rest)


def _accepted(callbacks: Table) -> ColumnElement[int]:
    return func.sum(case((callbacks.c.outcome == AttemptOutcome.ACCEPTED.value, 1), else_=0))


def _attempted(callbacks: Table) -> ColumnElement[bool]:
    """What the trunk did not want to hear of is here too, for the history of its message."""
    return callbacks.c.outcome != AttemptOutcome.FILTERED.value


def _wanted(callbacks: Table, search: AttemptSearch) -> ColumnElement[bool]:
    wanted: list[ColumnElement[bool]] = [callbacks.c.trunk_id == search.trunk_id, _attempted(callbacks)]
    if search.since is not None:
        wanted.append(callbacks.c.at >= micros(search.since))
    if search.until is not None:
        wanted.append(callbacks.c.at < micros(search.until))
    if search.failed is not None:
        is_good = callbacks.c.outcome == AttemptOutcome.ACCEPTED.value
        wanted.append(~is_good if search.failed else is_good)
    if search.message_id is not None:
        wanted.append(callbacks.c.message_id == search.message_id)
    return and_(*wanted)
