"""Which campaign a message belongs to: a column in the tables of each day, and an index that only such are in."""

from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def upgrade() -> None:
    """Add it to the days that there are; later ones are made with it."""
    there = sa.text("campaign_id IS NOT NULL")
    for day in op.get_bind().scalars(sa.text("SELECT day FROM log_days ORDER BY day")).all():
        table = f"messages_{_EPOCH + timedelta(days=day):%Y%m%d}"
        op.add_column(table, sa.Column("campaign_id", sa.Text))
        columns = ["campaign_id", "accepted_at"]
        op.create_index(f"{table}_by_campaign", table, columns, sqlite_where=there, postgresql_where=there)
