"""Parts of texts that went over SMPP, and what the operator set about providers."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "sms_parts",
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("provider_reference", sa.String(length=65), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("provider", "provider_reference", name=op.f("pk_sms_parts")),
    )
    op.create_index("ix_sms_parts_notification_id", "sms_parts", ["notification_id"])
    op.create_table(
        "provider_settings",
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.CheckConstraint("weight BETWEEN 0 AND 1000", name=op.f("ck_provider_settings_weight")),
        sa.PrimaryKeyConstraint("channel", "name", name=op.f("pk_provider_settings")),
    )


def downgrade() -> None:
    op.drop_table("provider_settings")
    op.drop_table("sms_parts")
