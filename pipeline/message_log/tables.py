"""The tables. Those that grow are there once for each day, so that a day that is over is dropped and not deleted.

A message lies in the day (UTC) in which it was accepted; a mark of the journal, an attempt to notify and a wish to
cancel in their own.
Times are microseconds since 1970 as integers: both databases sort and compare them alike.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, NamedTuple

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, SmallInteger, Table, Text, or_

DAY_US: Final = 86_400_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

fixed: Final = MetaData()
"""What is there once; migrations make it."""

OFFSETS: Final = Table(
    "log_offsets",
    fixed,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
    comment="Everything before next_offset is in the tables; changed in the same transaction as they are",
)
DAYS: Final = Table(
    "log_days",
    fixed,
    Column("day", Integer, primary_key=True, autoincrement=False),
    comment="Days since 1970 that have tables of their own",
)

TEXTS: Final = Table(
    "log_texts",
    fixed,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("account_id", Text, primary_key=True),
    comment="Which accounts have texts in the tables of a day",
)


class DayTables(NamedTuple):
    """The tables of one day."""

    number: int
    messages: Table
    journal: Table
    callbacks: Table
    cancellations: Table

    @property
    def tables(self) -> tuple[Table, ...]:
        """All of them."""
        return self.messages, self.journal, self.callbacks, self.cancellations


def micros(moment: datetime) -> int:
    """Return a time as it is stored."""
    return (moment - EPOCH) // _MICROSECOND


def moment(stored: int) -> datetime:
    """Return a time as it was."""
    return EPOCH + timedelta(microseconds=stored)


def stored_tags(tags: Sequence[str] | None) -> str | None:
    """Return tags as they are stored, each between two line breaks, which no tag has: one is found by both."""
    return "\n{}\n".format("\n".join(tags)) if tags else None


def tags_of(stored: str | None) -> tuple[str, ...]:
    """Return tags as they were given."""
    return () if stored is None else tuple(stored.strip("\n").split("\n"))


def day_of(stored: int) -> int:
    """Return the day in which a time lies, in days since 1970."""
    return stored // DAY_US


@cache
def tables_of(day: int) -> DayTables:
    """Return the tables of a day."""
    label = f"{EPOCH + timedelta(days=day):%Y%m%d}"
    metadata = MetaData()
    return DayTables(
        day,
        _messages(label, metadata),
        _journal(label, metadata),
        _callbacks(label, metadata),
        _cancellations(label, metadata),
    )


def _messages(label: str, metadata: MetaData) -> Table:
    name = f"messages_{label}"
    table = Table(
        name,
        metadata,
        Column("id", Text, primary_key=True),
        Column("trunk_id", Text, primary_key=True),
        Column("account_id", Text),
        Column("source", Text, nullable=False),
        Column("destination", Text, nullable=False),
        Column("accepted_at", BigInteger, nullable=False),
        Column("content", Text),
        Column("sent_content", Text),  # of a text that was changed: what went out
        # Where it lies in sms.mt.submitted: null for one that is known from later topics only.
        Column("submitted_partition", Integer),
        Column("submitted_offset", BigInteger),
        # From sms.mt.scheduled: authorized, and waiting for its time; whatever has become of it since.
        Column("scheduled_partition", Integer),
        Column("scheduled_offset", BigInteger),
        Column("scheduled_at", BigInteger),
        Column("send_at", BigInteger),
        Column("bulk_id", Text),
        # From sms.mt.segmented: authorized, encoded, cut and routed.
        Column("segmented_partition", Integer),
        Column("segmented_offset", BigInteger),
        Column("segmented_at", BigInteger),
        Column("data_coding", SmallInteger),
        Column("segments", Integer),
        Column("routed_carrier_id", Text),
        Column("routed_price", Text),
        Column("routed_currency", Text),
        Column("expires_at", BigInteger),
        Column("text_changes", Text),
        Column("national_language", Text),
        # From sms.mt.status, stage processing.
        Column("status", Text),
        Column("code_id", Integer),
        Column("reason", Text),
        Column("ended_at", BigInteger),
        Column("segments_sent", Integer),
        Column("carrier_id", Text),
        Column("price", Text),
        Column("currency", Text),
        Column("possible_duplicate", SmallInteger),
        # The same, stage delivery.
        Column("delivery_status", Text),
        Column("delivery_code_id", Integer),
        Column("delivery_reason", Text),
        Column("delivery_ended_at", BigInteger),
        Column("receipts", Text),
        # What the customer says of it: of few messages, or of all.
        Column("client_reference", Text),
        Column("tags", Text),
        Column("callback_url", Text),
        Column("campaign_id", Text),
    )
    columns = table.c
    # The numbers are in it for searches through parts of them, which then need not look at the rows.
    Index(f"{name}_by_account", columns.account_id, columns.accepted_at, columns.source, columns.destination)
    Index(f"{name}_by_trunk", columns.trunk_id, columns.accepted_at, columns.source, columns.destination)
    Index(f"{name}_by_destination", columns.destination)
    # Most messages succeed; the others are what is looked for.
    rare = or_(columns.status.is_(None), columns.status != "Success")
    searched = (columns.account_id, columns.trunk_id, columns.source, columns.destination)
    Index(f"{name}_rare", columns.status, columns.accepted_at, *searched, sqlite_where=rare, postgresql_where=rare)
    # A message without them is in none of these indexes.
    called, tagged = columns.client_reference.is_not(None), columns.tags.is_not(None)
    by_reference = (columns.client_reference, columns.accepted_at)
    Index(f"{name}_by_reference", *by_reference, sqlite_where=called, postgresql_where=called)
    in_campaign, by_campaign = columns.campaign_id.is_not(None), (columns.campaign_id, columns.accepted_at)
    Index(f"{name}_by_campaign", *by_campaign, sqlite_where=in_campaign, postgresql_where=in_campaign)
    by_time = (columns.accepted_at, columns.account_id, columns.trunk_id, columns.tags)
    Index(f"{name}_tagged", *by_time, sqlite_where=tagged, postgresql_where=tagged)
    later, in_bulk = columns.send_at.is_not(None), columns.bulk_id.is_not(None)
    by_due = (columns.account_id, columns.send_at, columns.ended_at, columns.trunk_id, columns.destination)
    Index(f"{name}_scheduled", *by_due, sqlite_where=later, postgresql_where=later)
    Index(f"{name}_by_bulk", columns.bulk_id, sqlite_where=in_bulk, postgresql_where=in_bulk)
    return table


def _journal(label: str, metadata: MetaData) -> Table:
    return Table(
        f"journal_{label}",
        metadata,
        Column("message_id", Text, primary_key=True),
        Column("seqnum", Integer, primary_key=True, autoincrement=False),
        Column("attempt", Integer, primary_key=True, autoincrement=False),
        Column("began_at", BigInteger),
        Column("mark", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("carrier_id", Text, nullable=False),
        Column("carrier_message_id", Text),
        Column("error", Text),
        Column("is_whole", SmallInteger),
        sqlite_with_rowid=False,
    )


def _callbacks(label: str, metadata: MetaData) -> Table:
    name = f"callbacks_{label}"
    table = Table(
        name,
        metadata,
        Column("message_id", Text, primary_key=True),
        Column("trunk_id", Text, primary_key=True),
        Column("stage", Text, primary_key=True),
        Column("at", BigInteger, primary_key=True, autoincrement=False),
        Column("attempt", Integer, primary_key=True, autoincrement=False),
        Column("resent_at", BigInteger),
        Column("endpoint", Text, nullable=False),
        Column("milliseconds", Integer, nullable=False),
        Column("outcome", Text, nullable=False),
        Column("status_code", Integer),
        Column("error", Text),
        Column("answer", Text),
        sqlite_with_rowid=False,
    )
    Index(f"{name}_by_trunk", table.c.trunk_id, table.c.at)
    return table


def _cancellations(label: str, metadata: MetaData) -> Table:
    return Table(
        f"cancellations_{label}",
        metadata,
        Column("id", Text, primary_key=True),
        Column("trunk_id", Text, primary_key=True),
        Column("is_bulk", SmallInteger, primary_key=True, autoincrement=False),
        Column("at", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
