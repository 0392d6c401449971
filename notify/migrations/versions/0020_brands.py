"""Brands: the name, colour and logo that a service's mails and letters carry."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "brands",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.String(length=80), nullable=True),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("colour", sa.String(length=7), nullable=False),
        sa.Column("logo", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("whole_organisation", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.String(length=200), nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.CheckConstraint("state IN ('asked', 'approved', 'refused', 'ended')", name=op.f("ck_brands_state")),
        sa.CheckConstraint("NOT whole_organisation OR org_id IS NOT NULL", name=op.f("ck_brands_whole_organisation")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_brands_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brands")),
    )
    op.create_index(op.f("ix_brands_service_id"), "brands", ["service_id"])
    op.create_index(op.f("ix_brands_org_id"), "brands", ["org_id"])


def downgrade() -> None:
    op.drop_table("brands")
