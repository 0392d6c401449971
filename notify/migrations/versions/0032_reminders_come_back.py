"""Reminders of the mailbox by e-mail that came back: noted with the person's wish, and with the message how it was reminded of."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("mailbox_reminders", sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("mailbox_messages", sa.Column("reminded_by", sa.String(10), nullable=True))


def downgrade() -> None:
    op.drop_column("mailbox_messages", "reminded_by")
    op.drop_column("mailbox_reminders", "returned_at")
