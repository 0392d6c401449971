"""Rows of bulk jobs may be reminders ahead of a date."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bulk_jobs", sa.Column("reminders", sa.Integer(), server_default="0", nullable=False))
    op.add_column("reminders", sa.Column("bulk_id", sa.Uuid(), nullable=True))
    op.create_index("ix_reminders_bulk_id", "reminders", ["bulk_id"], postgresql_where=sa.text("bulk_id IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("ix_reminders_bulk_id", table_name="reminders")
    op.drop_column("reminders", "bulk_id")
    op.drop_column("bulk_jobs", "reminders")
