"""Bounces and complaints by service, and where each service stands."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "service_standings",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("counted_from", _TIME, nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("mails", "bounces", "complaints")),
        sa.CheckConstraint("state IN ('good', 'warned', 'paused')", name=op.f("ck_service_standings_state")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_service_standings_service_id")),
        sa.PrimaryKeyConstraint("service_id", name=op.f("pk_service_standings")),
    )
    op.create_table(
        "mail_troubles",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.CheckConstraint("kind IN ('bounce', 'complaint')", name=op.f("ck_mail_troubles_kind")),
        sa.PrimaryKeyConstraint("notification_id", "kind", name=op.f("pk_mail_troubles")),
    )
    op.create_index("ix_mail_troubles_at_service_id", "mail_troubles", ["at", "service_id"])


def downgrade() -> None:
    op.drop_table("mail_troubles")
    op.drop_table("service_standings")
