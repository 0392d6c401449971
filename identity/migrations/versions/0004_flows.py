"""Clients that register themselves."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "registrations",
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("metadata_shown", JSONB, nullable=False),
        sa.Column("address_index", sa.LargeBinary),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME),
        sa.PrimaryKeyConstraint("client_id", name="pk_registrations"),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name="fk_registrations_client_id"),
    )
    op.create_index("ix_registrations_address_index", "registrations", ["address_index"])
    op.create_index("ix_registrations_expires_at", "registrations", ["expires_at"])
    op.create_table(
        "initial_tokens",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("service_id", sa.Uuid, nullable=False),
        sa.Column("made_by", sa.String(120), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_initial_tokens"),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name="fk_initial_tokens_service_id"),
    )
    op.create_index("ix_initial_tokens_expires_at", "initial_tokens", ["expires_at"])


def downgrade() -> None:
    op.drop_table("initial_tokens")
    op.drop_table("registrations")
