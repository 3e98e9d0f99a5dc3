"""Where the callbacks of messages go that have a URL of their own: a column in the tables of each day."""

from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def upgrade() -> None:
    """Add it to the days that there are; later ones are made with it."""
    for day in op.get_bind().scalars(sa.text("SELECT day FROM log_days ORDER BY day")).all():
        op.add_column(f"messages_{_EPOCH + timedelta(days=day):%Y%m%d}", sa.Column("callback_url", sa.Text))
