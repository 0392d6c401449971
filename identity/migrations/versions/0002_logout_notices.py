"""Clients are told that a session is over."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("clients", sa.Column("backchannel_logout_uri", sa.String(2000)))
    op.add_column("clients", sa.Column("frontchannel_logout_uri", sa.String(2000)))
    op.create_table(
        "logout_notices",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("sub", sa.String(255), nullable=False),
        sa.Column("sid", sa.String(43), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("settled_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_logout_notices"),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name="fk_logout_notices_client_id"),
    )
    op.create_index("ix_logout_notices_created_at", "logout_notices", ["created_at"])
    op.create_index("ix_logout_notices_client_id_created_at", "logout_notices", ["client_id", "created_at"])
    op.create_table(
        "logout_attempts",
        sa.Column("notice_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("tried_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("notice_id", "number", name="pk_logout_attempts"),
        sa.ForeignKeyConstraint(["notice_id"], ["logout_notices.id"], name="fk_logout_attempts_notice_id", ondelete="CASCADE"),
    )


def downgrade() -> None:
    op.drop_table("logout_attempts")
    op.drop_table("logout_notices")
    op.drop_column("clients", "frontchannel_logout_uri")
    op.drop_column("clients", "backchannel_logout_uri")
