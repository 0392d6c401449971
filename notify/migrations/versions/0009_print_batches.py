"""Letters on their way to the print supplier."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "print_batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("uploaded_at", _TIME, nullable=True),
        sa.CheckConstraint("state IN ('made', 'uploaded', 'receipted')", name=op.f("ck_print_batches_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_print_batches")),
    )
    op.create_table(
        "print_items",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("postage", sa.String(length=20), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("queued_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("pk_print_items")),
    )
    op.create_index("ix_print_items_batch_id", "print_items", ["batch_id"])
    op.create_index("ix_print_items_waiting", "print_items", ["queued_at"], postgresql_where=sa.text("batch_id IS NULL"))


def downgrade() -> None:
    op.drop_table("print_items")
    op.drop_table("print_batches")
