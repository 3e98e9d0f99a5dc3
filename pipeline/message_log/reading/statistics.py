"""What became of the messages of a stretch of time, in numbers: over time, by code, by how long it took, by trunk.

Counted when asked for, in the database, a day after the other: what is told is what the log holds, with no second
bookkeeping that could come to differ from it. A message counts where it was accepted.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, case, func, or_, select

from pipeline.message_log.database import days_between, known_days
from pipeline.message_log.reading.message import DELIVERED_WORDS, LogState
from pipeline.message_log.reading.percentile import percentile
from pipeline.message_log.tables import micros, moment, tables_of

LATENCIES_MS: Final = (
    10, 20, 50, 100, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 30_000, 60_000, 300_000,
    3_600_000, 86_400_000,
)  # fmt: skip
"""Upper bounds of what is counted together; what took longer counts as the last."""


class Outcome(StrEnum):
    """What became of a message, as far as it can be told apart in a picture."""

    SENT = "sent"
    """The carrier took it, and has not said that it did not arrive."""
    UNDELIVERED = "undelivered"
    NOT_SENT = "not_sent"
    IN_PROGRESS = "in_progress"
    SCHEDULED = "scheduled"
    """It waits for the time that its customer has named."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Messages accepted in [since, until), of an account or a trunk; without either of everybody. `slot` divides it."""

    since: datetime
    until: datetime
    slot: timedelta
    account_id: str | None = None
    trunk_id: str | None = None

    def slots(self) -> Iterator[datetime]:
        """Iterate over the beginnings of its slots."""
        begin = self.since
        while begin < self.until:
            yield begin
            begin += self.slot


class Count(NamedTuple):
    """Messages, and the segments that they were cut into."""

    messages: int = 0
    segments: int = 0


@dataclass(slots=True)
class Statistics:
    """What was counted. Prices are exact.

    Latencies reach from acceptance, or from the time that was asked for, to the end of processing.
    """

    slots: dict[datetime, dict[Outcome, Count]]
    codes: Counter[int] = field(default_factory=Counter)
    spent: dict[str, Decimal] = field(default_factory=dict)
    """By currency; "" where a price has none."""
    delivered: int = 0
    trunks: dict[str, Counter[Outcome]] = field(default_factory=dict)
    latencies: Counter[int] = field(default_factory=Counter)

    @property
    def total(self) -> dict[Outcome, Count]:
        """All slots together."""
        found = dict.fromkeys(Outcome, Count())
        for by_outcome in self.slots.values():
            for outcome, (messages, segments) in by_outcome.items():
                known = found[outcome]
                found[outcome] = Count(known.messages + messages, known.segments + segments)
        return found

    def latency_ms(self, share: float) -> int | None:
        """Return a time that `share` of the messages did not exceed; None when none has ended."""
        return percentile(self.latencies, share)


def statistics(connection: Connection, stretch: Stretch) -> Statistics:
    """Count the messages of a stretch."""
    found = Statistics({begin: dict.fromkeys(Outcome, Count()) for begin in stretch.slots()})
    for day in days_between(connection, stretch.since, stretch.until):
        messages = tables_of(day).messages
        wanted = _wanted(messages, stretch)
        _count(connection, messages, wanted, stretch, found)
        _count_by_trunk(connection, messages, wanted, found)
    return found


def has_messages(connection: Connection, account_id: str) -> bool:
    """Tell whether the log holds any message of an account."""
    for day in known_days(connection):
        messages = tables_of(day).messages
        if connection.scalar(select(messages.c.id).where(messages.c.account_id == account_id).limit(1)) is not None:
            return True
    return False


def _wanted(messages: Table, stretch: Stretch) -> ColumnElement[bool]:
    wanted = [messages.c.accepted_at >= micros(stretch.since), messages.c.accepted_at < micros(stretch.until)]
    if stretch.trunk_id is not None:
        wanted.append(messages.c.trunk_id == stretch.trunk_id)
    if stretch.account_id is not None:
        # The index of trunks is the narrower one.
        account_id = messages.c.account_id
        wanted.append((account_id.concat("") if stretch.trunk_id else account_id) == stretch.account_id)
    return and_(*wanted)


def _is_delivered(messages: Table) -> ColumnElement[bool]:
    return func.upper(messages.c.delivery_status).in_(DELIVERED_WORDS)


def _outcome(messages: Table) -> ColumnElement[str]:
    columns = messages.c
    return case(
        (
            and_(columns.status.is_(None), columns.segmented_partition.is_(None), columns.send_at.is_not(None)),
            Outcome.SCHEDULED.value,
        ),
        (columns.status.is_(None), Outcome.IN_PROGRESS.value),
        (columns.status != LogState.SUCCESS.value, Outcome.NOT_SENT.value),
        (and_(columns.delivery_status.is_not(None), ~_is_delivered(messages)), Outcome.UNDELIVERED.value),
        else_=Outcome.SENT.value,
    )


def _count(
    connection: Connection, messages: Table, wanted: ColumnElement[bool], stretch: Stretch, found: Statistics
) -> None:
    # All but the trunks in one pass: there are few combinations, and a pass over a day is what costs.
    columns, begin, width = messages.c, micros(stretch.since), stretch.slot // timedelta(microseconds=1)
    slot, outcome = ((columns.accepted_at - begin) // width).label("slot"), _outcome(messages).label("outcome")
    took = columns.ended_at - func.coalesce(columns.send_at, columns.accepted_at)
    bounds: list[Any] = [(took <= bound * 1000, bound) for bound in LATENCIES_MS]
    # What has ended before its time was cancelled, and took no time.
    latency = case((or_(columns.status.is_(None), took < 0), None), *bounds, else_=LATENCIES_MS[-1]).label("latency")
    parts = (columns.code_id, columns.price, columns.currency)
    counted = select(
        slot, outcome, latency, *parts, func.count(), func.sum(func.coalesce(columns.segments, 0)),
        func.sum(func.coalesce(columns.segments_sent, 0)), func.sum(case((_is_delivered(messages), 1), else_=0)),
    )  # fmt: skip
    grouped = counted.where(wanted).group_by("slot", "outcome", "latency", *parts)
    for number, name, bound, code_id, price, currency, count, segments, sent, arrived in connection.execute(grouped):
        by_outcome = found.slots[moment(begin + int(number) * width)]
        known = by_outcome[Outcome(name)]
        by_outcome[Outcome(name)] = Count(known.messages + count, known.segments + int(segments))
        found.delivered += int(arrived)
        if bound is not None:
            found.latencies[bound] += count
        if code_id is not None:
            found.codes[code_id] += count
        if price is not None and sent:
            so_far = found.spent.get(currency or "", Decimal(0))
            found.spent[currency or ""] = so_far + Decimal(price) * int(sent)


def _count_by_trunk(connection: Connection, messages: Table, wanted: ColumnElement[bool], found: Statistics) -> None:
    outcome = _outcome(messages).label("outcome")
    counted = select(messages.c.trunk_id, outcome, func.count()).where(wanted).group_by(messages.c.trunk_id, "outcome")
    for trunk_id, name, count in connection.execute(counted):
        found.trunks.setdefault(trunk_id, Counter())[Outcome(name)] += count
