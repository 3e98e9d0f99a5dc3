"""What waits for its time, and what is to be cancelled: columns, indexes and a table for each day."""

from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def upgrade() -> None:
    """Add them to the days that there are; later ones are made with them."""
    for day in op.get_bind().scalars(sa.text("SELECT day FROM log_days ORDER BY day")).all():
        label = f"{_EPOCH + timedelta(days=day):%Y%m%d}"
        table = f"messages_{label}"
        op.add_column(table, sa.Column("scheduled_partition", sa.Integer))
        op.add_column(table, sa.Column("scheduled_offset", sa.BigInteger))
        op.add_column(table, sa.Column("scheduled_at", sa.BigInteger))
        op.add_column(table, sa.Column("send_at", sa.BigInteger))
        op.add_column(table, sa.Column("bulk_id", sa.Text))
        by_due = ["account_id", "send_at", "ended_at", "trunk_id", "destination"]
        _add_index(f"{table}_scheduled", table, by_due, "send_at")
        _add_index(f"{table}_by_bulk", table, ["bulk_id"], "bulk_id")
        op.create_table(
            f"cancellations_{label}",
            sa.Column("id", sa.Text, primary_key=True),
            sa.Column("trunk_id", sa.Text, primary_key=True),
            sa.Column("is_bulk", sa.SmallInteger, primary_key=True, autoincrement=False),
            sa.Column("at", sa.BigInteger, nullable=False),
            sqlite_with_rowid=False,
        )


def _add_index(name: str, table: str, columns: list[str], of: str) -> None:
    there = sa.text(f"{of} IS NOT NULL")
    op.create_index(name, table, columns, sqlite_where=there, postgresql_where=there)
