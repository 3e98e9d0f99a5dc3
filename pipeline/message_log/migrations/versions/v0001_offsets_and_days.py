"""Where in the topics the log is, and which days it has; the tables of a day are made with its first row."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None


def upgrade() -> None:
    """Make the tables that are there once."""
    op.create_table(
        "log_offsets",
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
        comment="Everything before next_offset is in the tables; changed in the same transaction as they are",
    )
    op.create_table(
        "log_days",
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        comment="Days since 1970 that have tables of their own",
    )
    op.create_table(
        "log_texts",
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("account_id", sa.Text, primary_key=True),
        comment="Which accounts have texts in the tables of a day",
    )
