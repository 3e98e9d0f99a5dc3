"""What customers have asked to cancel, by the messages that are meant: whether it was in time their states say."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from pipeline.message_log.database import known_days
from pipeline.message_log.reading.history import CancelWish
from pipeline.message_log.reading.message import LoggedMessage
from pipeline.message_log.tables import day_of, micros, moment, tables_of

_EARLIER = 1  # a day before there may be something, when a message was accepted at midnight


def wishes_of(connection: Connection, entries: Sequence[LoggedMessage]) -> dict[tuple[str, str], CancelWish]:
    """Return the first wish about each of some messages, by message id and trunk id; one about a bulk is all of its.

    There are few messages at once: a page.
    """
    if not entries:
        return {}
    names = {it.id for it in entries} | {it.bulk_id for it in entries if it.bulk_id is not None}
    first = day_of(micros(min(it.accepted_at for it in entries))) - _EARLIER
    wishes: dict[tuple[str, str, bool], int] = {}
    for day in known_days(connection):
        if day >= first:
            table = tables_of(day).cancellations
            for row in connection.execute(select(*table.c).where(table.c.id.in_(names))):
                key = (row.id, row.trunk_id, bool(row.is_bulk))
                wishes[key] = min(row.at, wishes.get(key, row.at))
    found: dict[tuple[str, str], CancelWish] = {}
    for it in entries:
        keys = [(it.id, it.trunk_id, False), *([] if it.bulk_id is None else [(it.bulk_id, it.trunk_id, True)])]
        about = [CancelWish(moment(wishes[key]), key[2]) for key in keys if key in wishes]
        if about:
            found[it.id, it.trunk_id] = min(about)
    return found
