"""Addresses that are not written to any more."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "suppressions",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_index", sa.LargeBinary(), nullable=False),
        sa.Column("recipient_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("detail", sa.String(length=20), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("reason IN ('bounce', 'complaint', 'staff')", name=op.f("ck_suppressions_reason")),
        sa.PrimaryKeyConstraint("service_id", "recipient_index", name=op.f("pk_suppressions")),
    )
    op.create_index("ix_suppressions_service_id_created_at", "suppressions", ["service_id", "created_at"])


def downgrade() -> None:
    op.drop_table("suppressions")
