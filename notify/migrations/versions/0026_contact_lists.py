"""Lists of recipients that teams keep."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "contact_lists",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("columns", ARRAY(sa.String(length=255)), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.Column("keep_until", _TIME, nullable=False),
        sa.CheckConstraint("channel IN ('email', 'sms', 'letter', 'mailbox')", name=op.f("ck_contact_lists_channel")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_contact_lists_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_lists")),
    )
    op.create_index(op.f("ix_contact_lists_service_id"), "contact_lists", ["service_id"])
    op.create_index(op.f("ix_contact_lists_keep_until"), "contact_lists", ["keep_until"])


def downgrade() -> None:
    op.drop_table("contact_lists")
