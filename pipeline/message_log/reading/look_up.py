"""One message by its id, with its history."""

from typing import Final

from sqlalchemy import Connection, select

from pipeline.message_log.database import known_days
from pipeline.message_log.reading.callback_log import notified
from pipeline.message_log.reading.cancellations import wishes_of
from pipeline.message_log.reading.history import MessageHistory, Notified, SegmentMark
from pipeline.message_log.reading.message import LoggedMessage
from pipeline.message_log.tables import day_of, micros, moment, tables_of

_LATER: Final = 1  # a day further on there may be something, when a message was accepted at midnight


def find(connection: Connection, message_id: str, *, trunk_id: str | None = None) -> list[LoggedMessage]:
    """Return the messages with an id, the newest first: each trunk may have one, and may send one again later.

    With `trunk_id` only that trunk's.
    """
    found: list[LoggedMessage] = []
    for day in known_days(connection):
        messages = tables_of(day).messages
        wanted = messages.c.id == message_id
        if trunk_id is not None:
            wanted &= messages.c.trunk_id == trunk_id
        found += [LoggedMessage.of_row(row) for row in connection.execute(select(*messages.c).where(wanted))]
    return sorted(found, key=lambda it: it.accepted_at, reverse=True)


def history_of(connection: Connection, entry: LoggedMessage) -> MessageHistory:
    """Return a message's history; the journal knows no trunk, so marks are those of everybody's message of that id."""
    marks: dict[tuple[int, int], SegmentMark] = {}
    callbacks: list[Notified] = []
    first = day_of(micros(entry.accepted_at)) - _LATER
    for day in sorted(it for it in known_days(connection) if it >= first):
        tables = tables_of(day)
        journal, attempts = tables.journal, tables.callbacks
        for row in connection.execute(select(*journal.c).where(journal.c.message_id == entry.id)):
            seqnum, attempt, began_at = row.seqnum, row.attempt, row.began_at
            before = marks.get((seqnum, attempt))
            began = moment(began_at) if began_at is not None else None if before is None else before.began_at
            marks[seqnum, attempt] = SegmentMark(
                seqnum,
                attempt,
                began,
                row.mark,
                moment(row.at),
                row.carrier_id,
                row.carrier_message_id,
                row.error,
                bool(row.is_whole),
            )
        wanted = (attempts.c.message_id == entry.id) & (attempts.c.trunk_id == entry.trunk_id)
        callbacks += [notified(row) for row in connection.execute(select(*attempts.c).where(wanted))]
    return MessageHistory(
        entry,
        tuple(sorted(marks.values(), key=lambda it: (it.at, it.seqnum))),
        tuple(sorted(callbacks, key=lambda it: (it.at, it.attempt))),
        wishes_of(connection, [entry]).get((entry.id, entry.trunk_id)),
    )
