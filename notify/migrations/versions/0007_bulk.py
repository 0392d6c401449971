"""Jobs of many messages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "bulk_jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=True),
        sa.Column("columns", ARRAY(sa.String(length=255)), nullable=False),
        sa.Column("state", sa.String(length=30), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("next_chunk", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("scheduled_for", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.CheckConstraint("messages + failed <= total", name=op.f("ck_bulk_jobs_counts")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_bulk_jobs_service_id")),
        sa.ForeignKeyConstraint(["api_key_id"], ["api_keys.id"], name=op.f("fk_bulk_jobs_api_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_jobs")),
    )
    op.create_index("ix_bulk_jobs_service_id_created_at", "bulk_jobs", ["service_id", "created_at"])
    op.create_index(op.f("ix_bulk_jobs_created_at"), "bulk_jobs", ["created_at"])
    op.create_table(
        "bulk_chunks",
        sa.Column("bulk_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["bulk_id"], ["bulk_jobs.id"], name=op.f("fk_bulk_chunks_bulk_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("bulk_id", "number", name=op.f("pk_bulk_chunks")),
    )
    op.create_table(
        "bulk_errors",
        sa.Column("bulk_id", sa.Uuid(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("messages", ARRAY(sa.String(length=1000)), nullable=False),
        sa.ForeignKeyConstraint(["bulk_id"], ["bulk_jobs.id"], name=op.f("fk_bulk_errors_bulk_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("bulk_id", "row_number", name=op.f("pk_bulk_errors")),
    )


def downgrade() -> None:
    for table in ("bulk_errors", "bulk_chunks", "bulk_jobs"):
        op.drop_table(table)
