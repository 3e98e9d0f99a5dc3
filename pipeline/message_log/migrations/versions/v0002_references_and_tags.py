"""What customers call their messages: columns in the tables of each day, and indexes that only such messages are in."""

from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def upgrade() -> None:
    """Add them to the days that there are; later ones are made with them."""
    for day in op.get_bind().scalars(sa.text("SELECT day FROM log_days ORDER BY day")).all():
        table = f"messages_{_EPOCH + timedelta(days=day):%Y%m%d}"
        _add(table, "client_reference", f"{table}_by_reference", ["client_reference", "accepted_at"])
        _add(table, "tags", f"{table}_tagged", ["accepted_at", "account_id", "trunk_id", "tags"])


def _add(table: str, column: str, index: str, columns: list[str]) -> None:
    there = sa.text(f"{column} IS NOT NULL")
    op.add_column(table, sa.Column(column, sa.Text))
    op.create_index(index, table, columns, sqlite_where=there, postgresql_where=there)
