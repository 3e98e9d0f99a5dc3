"""A batch and the offsets behind it, in one transaction: killed at any time, the log has lost nothing, and has
nothing twice.
"""

import sqlite3
from collections.abc import Callable, Mapping, Set
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, and_, bindparam, insert, or_, select, update
from sqlalchemy.exc import DBAPIError

from pipeline.errors import LogUnavailable, StateLost
from pipeline.failpoints import failpoint
from pipeline.message_log.database import is_rejection, known_days, words_of
from pipeline.message_log.tables import DAY_US, DAYS, OFFSETS, TEXTS, tables_of
from pipeline.message_log.writing.batch import ACCOUNT_ID, CONTENT, DayRows, LogBatch
from pipeline.message_log.writing.upserts import write_callbacks, write_cancellations, write_journal, write_messages

FORGOTTEN_AT_ONCE: Final = 5000


class LogPlace(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


_advance: Final = (
    update(OFFSETS)
    .where(
        OFFSETS.c.topic == bindparam("of_topic"),
        OFFSETS.c.partition == bindparam("of_partition"),
        OFFSETS.c.next_offset == bindparam("known"),
    )
    .values(next_offset=bindparam("next"))
)


class LogWriter:
    """Writes the log; there is one. `positions` is what the database says: everything before it is in."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._days: set[int] = set()
        self._texts: set[tuple[int, str]] = set()
        self.positions: dict[LogPlace, int] = {}

    @property
    def days(self) -> Set[int]:
        """The days that have tables."""
        return self._days

    def open(self) -> None:
        """Read where the log is. Raises `LogUnavailable`."""
        try:
            with self._engine.begin() as connection:
                self._days = set(known_days(connection))
                self._texts = {(day, account_id) for day, account_id in connection.execute(select(TEXTS))}
                self.positions = {
                    LogPlace(topic, partition): offset
                    for topic, partition, offset in connection.execute(select(OFFSETS))
                }
        except DBAPIError as error:
            raise LogUnavailable(f"the message log's database does not answer: {words_of(error)}") from None

    def write(self, batch: LogBatch, positions: Mapping[LogPlace, int]) -> None:
        """Write `batch`, and that the log goes on at `positions`; both or neither.

        Raises `LogUnavailable`, and `StateLost` when somebody else has written: what is held here is not true then.
        """
        made: set[int] = set()
        texts = {
            (day, row[ACCOUNT_ID])
            for day, rows in batch.days.items()
            for row in rows.messages.values()
            if row[CONTENT] is not None
        } - self._texts
        try:
            with self._engine.begin() as connection:
                self._advance(connection, positions)
                for day, rows in batch.days.items():
                    if day not in self._days:
                        _make(connection, day)
                        made.add(day)
                    _write_day(connection, day, rows)
                for day, account_id in texts:
                    connection.execute(insert(TEXTS).values(day=day, account_id=account_id))
                failpoint("message_log.before_commit")
        except (DBAPIError, sqlite3.Error) as error:
            words = f"the message log's database does not take a batch: {words_of(error)}"
            raise LogUnavailable(words, rejected=is_rejection(error)) from None
        failpoint("message_log.after_commit")
        self._days |= made
        self._texts |= texts
        self.positions |= positions

    def _advance(self, connection: Connection, positions: Mapping[LogPlace, int]) -> None:
        # First of all: in PostgreSQL these rows keep a second writer out until the end of the transaction.
        for place, offset in positions.items():
            known = self.positions.get(place)
            if known is None:
                connection.execute(
                    insert(OFFSETS).values(topic=place.topic, partition=place.partition, next_offset=offset)
                )
            elif known != offset:
                about = {"of_topic": place.topic, "of_partition": place.partition, "known": known, "next": offset}
                if connection.execute(_advance, about).rowcount != 1:
                    raise StateLost(f"somebody else writes this message log: {place.topic} is elsewhere", stage="log")

    def drop_days_before(self, day: int) -> list[int]:
        """Drop the tables of days before `day`, a day a transaction; return which. Raises `LogUnavailable`.

        One of which something was to be sent on `day` or later stays.
        """
        gone: list[int] = []
        try:
            for it in sorted(it for it in self._days if it < day):
                with self._engine.begin() as connection:
                    send_at = tables_of(it).messages.c.send_at
                    if connection.scalar(select(send_at).where(send_at >= day * DAY_US).limit(1)) is not None:
                        continue
                    for table in tables_of(it).tables:
                        table.drop(connection, checkfirst=True)
                    connection.execute(DAYS.delete().where(DAYS.c.day == it))
                    connection.execute(TEXTS.delete().where(TEXTS.c.day == it))
                gone.append(it)
                self._days.discard(it)
                self._texts = {text for text in self._texts if text[0] != it}
        except DBAPIError as error:
            raise LogUnavailable(f"the message log's database does not drop a day: {words_of(error)}") from None
        return gone

    def forget_texts(self, keeps: Callable[[str], bool]) -> int:
        """Forget the texts of accounts that `keeps` does not know to keep any; return how many they were.

        Some at a time: whoever waits to write must not wait for all of them. Raises `LogUnavailable`.
        """
        forgotten = 0
        try:
            for day, account_id in sorted(text for text in self._texts if not keeps(text[1])):
                messages = tables_of(day).messages
                texts = messages.c.content, messages.c.sent_content
                unwanted = and_(messages.c.account_id == account_id, or_(*[it.is_not(None) for it in texts]))
                some = select(messages.c.id).where(unwanted).limit(FORGOTTEN_AT_ONCE)
                forget = (
                    update(messages).where(unwanted, messages.c.id.in_(some)).values({it.name: None for it in texts})
                )
                count = 1
                while count:
                    with self._engine.begin() as connection:
                        count = connection.execute(forget).rowcount
                        if not count:
                            mine = (TEXTS.c.day == day) & (TEXTS.c.account_id == account_id)
                            connection.execute(TEXTS.delete().where(mine))
                    forgotten += count
                self._texts.discard((day, account_id))
        except DBAPIError as error:
            raise LogUnavailable(f"the message log's database does not forget texts: {words_of(error)}") from None
        return forgotten


def _make(connection: Connection, day: int) -> None:
    for table in tables_of(day).tables:
        table.create(connection)
    connection.execute(insert(DAYS).values(day=day))


def _write_day(connection: Connection, day: int, rows: DayRows) -> None:
    if rows.messages:
        write_messages(connection, day, list(rows.messages.values()))
    if rows.journal:
        write_journal(connection, day, list(rows.journal.values()))
    if rows.callbacks:
        write_callbacks(connection, day, list(rows.callbacks.values()))
    if rows.cancellations:
        write_cancellations(connection, day, list(rows.cancellations.values()))
