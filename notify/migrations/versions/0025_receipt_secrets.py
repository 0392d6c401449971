"""Secrets by which each provider proves its receipts, one after the other; those of the settings count where there is none."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "receipt_secrets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=True),
        sa.CheckConstraint("channel IN ('email', 'sms', 'letter')", name=op.f("ck_receipt_secrets_channel")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_secrets")),
    )
    newest = sa.text("ends_at IS NULL")
    op.create_index("uq_receipt_secrets_channel_provider", "receipt_secrets", ["channel", "provider"], unique=True, postgresql_where=newest)


def downgrade() -> None:
    op.drop_table("receipt_secrets")
