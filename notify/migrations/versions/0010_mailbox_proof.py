"""Proof of what lay in a mailbox and when it was opened; reminders."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("mailbox_messages", sa.Column("content_sha256", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("mailbox_messages", sa.Column("placed_entry", sa.Uuid(), nullable=True))
    op.add_column("mailbox_messages", sa.Column("read_entry", sa.Uuid(), nullable=True))
    op.add_column("mailbox_messages", sa.Column("reminded_at", _TIME, nullable=True))
    op.create_table(
        "mailbox_reminders",
        sa.Column("person_index", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("after_days", sa.Integer(), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.CheckConstraint("after_days BETWEEN 0 AND 30", name=op.f("ck_mailbox_reminders_after_days")),
        sa.PrimaryKeyConstraint("person_index", name=op.f("pk_mailbox_reminders")),
    )


def downgrade() -> None:
    op.drop_table("mailbox_reminders")
    for column in ("reminded_at", "read_entry", "placed_entry", "content_sha256"):
        op.drop_column("mailbox_messages", column)
