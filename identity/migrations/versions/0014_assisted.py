"""Assisted sessions, grants that come from them, and what each service lets agents do."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_TEXTS = ARRAY(sa.String)
_HAS_GRANT = "ck_remote_requests_approved_has_grant"


def upgrade() -> None:
    """Add them."""
    _sessions()
    for table in ("grants", "representation_choices", "remote_requests"):
        op.add_column(table, sa.Column("assisted_id", sa.Uuid, nullable=True))
        op.create_foreign_key(op.f(f"fk_{table}_assisted_id"), table, "assisted_sessions", ["assisted_id"], ["id"])
    op.create_index(op.f("ix_grants_assisted_id"), "grants", ["assisted_id"], postgresql_where=sa.text("assisted_id IS NOT NULL"))
    op.add_column("grants", sa.Column("act", JSONB, nullable=True))
    op.add_column("grants", sa.Column("assist", JSONB, nullable=True))
    op.add_column("services", sa.Column("assist_actions", _TEXTS, server_default=sa.text("'{information,draft}'"), nullable=False))
    op.add_column("services", sa.Column("assist_offices", _TEXTS, server_default=sa.text("'{}'"), nullable=False))
    op.drop_constraint(op.f(_HAS_GRANT), "remote_requests")
    op.create_check_constraint(op.f(_HAS_GRANT), "remote_requests", "state <> 'approved' OR num_nonnulls(grant_id, assisted_id) > 0")


def _sessions() -> None:
    op.create_table(
        "assisted_sessions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("assisted_id", sa.String(40), nullable=False),
        sa.Column("agent_id", sa.Uuid, nullable=False),
        sa.Column("org_id", sa.String(80), nullable=False),
        sa.Column("office", sa.String(80), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("second_id", sa.Uuid, nullable=True),
        sa.Column("second_org_id", sa.String(80), nullable=True),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=True),
        sa.Column("channel", sa.String(10), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary, nullable=False),
        sa.Column("actions", _TEXTS, nullable=False),
        sa.Column("proof", sa.String(10), nullable=False),
        sa.Column("acr", sa.String(80), nullable=True),
        sa.Column("amr", _TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("auth_time", _TIME, nullable=True),
        sa.Column("join_index", sa.LargeBinary, nullable=True),
        sa.Column("receipt_index", sa.LargeBinary, nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("approved_by", sa.Uuid, nullable=True),
        sa.Column("to_review", sa.Boolean, server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("opened_at", _TIME, nullable=True),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assisted_sessions")),
        sa.UniqueConstraint("assisted_id", name=op.f("uq_assisted_sessions_assisted_id")),
        *(
            sa.ForeignKeyConstraint([column], ["persons.id"], name=op.f(f"fk_assisted_sessions_{column}"))
            for column in ("agent_id", "second_id", "person_id", "approved_by")
        ),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_assisted_sessions_client_id")),
        sa.CheckConstraint("channel IN ('counter', 'telephone', 'helper')", name=op.f("ck_assisted_sessions_channel")),
        sa.CheckConstraint("agent_id <> person_id", name=op.f("ck_assisted_sessions_not_oneself")),
        sa.CheckConstraint(
            "state <> 'open' OR (person_id IS NOT NULL AND opened_at IS NOT NULL)", name=op.f("ck_assisted_sessions_open_has_person")
        ),
    )
    for column in ("agent_id", "person_id", "receipt_index", "created_at"):
        op.create_index(op.f(f"ix_assisted_sessions_{column}"), "assisted_sessions", [column])


def downgrade() -> None:
    """Remove them."""
    op.execute("DELETE FROM remote_requests WHERE assisted_id IS NOT NULL")
    op.drop_constraint(op.f(_HAS_GRANT), "remote_requests")
    op.create_check_constraint(op.f(_HAS_GRANT), "remote_requests", "state <> 'approved' OR grant_id IS NOT NULL")
    for column in ("assist_offices", "assist_actions"):
        op.drop_column("services", column)
    op.drop_column("grants", "assist")
    op.drop_column("grants", "act")
    op.drop_index(op.f("ix_grants_assisted_id"), "grants")
    for table in ("remote_requests", "representation_choices", "grants"):
        op.drop_column(table, "assisted_id")
    op.drop_table("assisted_sessions")
