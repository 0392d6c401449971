"""Requests that a person answers on their own device."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_INDEXED = ("client_id", "user_code_index", "whom_index", "person_id", "expires_at")


def upgrade() -> None:
    op.create_table(
        "remote_requests",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("scopes", ARRAY(sa.String), nullable=False),
        sa.Column("resources", ARRAY(sa.String), nullable=False),
        sa.Column("acr_values", ARRAY(sa.String), nullable=False),
        sa.Column("user_code_index", sa.LargeBinary),
        sa.Column("network_index", sa.LargeBinary),
        sa.Column("whom_index", sa.LargeBinary),
        sa.Column("person_id", sa.Uuid),
        sa.Column("binding_message", sa.String(60)),
        sa.Column("match_code", sa.String(2)),
        sa.Column("callback_sealed", sa.LargeBinary),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("interval_seconds", sa.Integer, nullable=False),
        sa.Column("polled_at", _TIME),
        sa.Column("grant_id", sa.Uuid),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("decided_at", _TIME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remote_requests")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_remote_requests_code_hash")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_remote_requests_client_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_remote_requests_person_id")),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_remote_requests_grant_id")),
        sa.CheckConstraint("kind IN ('device', 'ciba')", name=op.f("ck_remote_requests_kind")),
        sa.CheckConstraint("state <> 'approved' OR grant_id IS NOT NULL", name=op.f("ck_remote_requests_approved_has_grant")),
    )
    for column in _INDEXED:
        op.create_index(op.f(f"ix_remote_requests_{column}"), "remote_requests", [column])


def downgrade() -> None:
    op.drop_table("remote_requests")
