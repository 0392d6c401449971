"""What the sandbox shows to teams and lets them switch on; where channels are told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clients", sa.Column("notification_uri", sa.String(2000)))
    op.add_column("clients", sa.Column("fault", sa.String(20)))
    op.create_table(
        "inspected_refusals",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.String(80), nullable=False),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("path", sa.String(200), nullable=False),
        sa.Column("parameters", JSONB, nullable=False),
        sa.Column("slug", sa.String(80), nullable=False),
        sa.Column("code", sa.String(80), nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inspected_refusals"),
    )
    op.create_index("ix_inspected_refusals_client_id", "inspected_refusals", ["client_id"])
    op.create_index("ix_inspected_refusals_refused_at", "inspected_refusals", ["refused_at"])


def downgrade() -> None:
    op.drop_table("inspected_refusals")
    op.drop_column("clients", "fault")
    op.drop_column("clients", "notification_uri")
