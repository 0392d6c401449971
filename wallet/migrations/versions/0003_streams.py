"""Streams of security events to bodies, and the events on them."""

import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import Operations
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
op: Operations = alembic_op  # type: ignore[assignment]  # the module stands for the operations of the present migration


def upgrade() -> None:
    op.create_table(
        "streams",
        sa.Column("stream_id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=True),
        sa.Column("authorization", sa.LargeBinary(), nullable=True),
        sa.Column("events_requested", JSONB, nullable=False),
        sa.Column("left_out", JSONB, nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_reason", sa.String(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("(method = 'urn:ietf:rfc:8935') = (endpoint is not null)", name=op.f("ck_streams_endpoint")),
        sa.CheckConstraint("method in ('urn:ietf:rfc:8935', 'urn:ietf:rfc:8936')", name=op.f("ck_streams_method")),
        sa.CheckConstraint("status in ('enabled', 'paused', 'disabled')", name=op.f("ck_streams_status")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name=op.f("fk_streams_client_id")),
        sa.PrimaryKeyConstraint("stream_id", name=op.f("pk_streams")),
    )
    op.create_index("ix_streams_org_id", "streams", ["org_id"], unique=False)
    op.create_table(
        "security_events",
        sa.Column("jti", sa.Uuid(), nullable=False),
        sa.Column("stream_id", sa.String(), nullable=False),
        sa.Column("claims", JSONB, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("settled_at", TIME, nullable=True),
        sa.CheckConstraint("state in ('pending', 'delivered', 'dead')", name=op.f("ck_security_events_state")),
        sa.ForeignKeyConstraint(["stream_id"], ["streams.stream_id"], name=op.f("fk_security_events_stream_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_security_events")),
    )
    op.create_index(
        "ix_security_events_stream_id", "security_events", ["stream_id", "jti"], unique=False, postgresql_where=sa.text("state = 'pending'")
    )


def downgrade() -> None:
    op.drop_index("ix_security_events_stream_id", table_name="security_events", postgresql_where=sa.text("state = 'pending'"))
    op.drop_table("security_events")
    op.drop_index("ix_streams_org_id", table_name="streams")
    op.drop_table("streams")
