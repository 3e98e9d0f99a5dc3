"""What has become of a text before it was sent: columns in the tables of each day."""

from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS: Final = ("sent_content", "text_changes", "national_language")


def upgrade() -> None:
    """Add them to the days that there are; later ones are made with them."""
    for day in op.get_bind().scalars(sa.text("SELECT day FROM log_days ORDER BY day")).all():
        for column in _COLUMNS:
            op.add_column(f"messages_{_EPOCH + timedelta(days=day):%Y%m%d}", sa.Column(column, sa.Text))
