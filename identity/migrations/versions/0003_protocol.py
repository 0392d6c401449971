"""Client policies, refresh tokens, pushed requests, tokens bound to keys."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_TEXTS = ARRAY(sa.String)
Columns = list[sa.Column[Any]]  # columns of several types


def _added() -> dict[str, Columns]:
    clients: Columns = [
        sa.Column("jwks_uri", sa.String(2000), nullable=True),
        sa.Column("tls_subject", JSONB, nullable=True),
        sa.Column("grant_types", _TEXTS, nullable=False, server_default="{}"),
        sa.Column("audiences", _TEXTS, nullable=False, server_default="{}"),
        sa.Column("userinfo_alg", sa.String(10), nullable=True),
        sa.Column("introspection_alg", sa.String(10), nullable=True),
        sa.Column("request_object_alg", sa.String(10), nullable=True),
        sa.Column("authorization_details_types", _TEXTS, nullable=False, server_default="{}"),
        sa.Column("sender_constrained", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("par_required", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("dpop_nonce_required", sa.Boolean, nullable=False, server_default="false"),
    ]
    grants: Columns = [
        sa.Column("claims", JSONB, nullable=True),
        sa.Column("authorization_details", JSONB, nullable=True),
        sa.Column("offline", sa.Boolean, nullable=False, server_default="false"),
    ]
    tokens: Columns = [
        sa.Column("audience", sa.String(2000), nullable=True),
        sa.Column("cnf", JSONB, nullable=True),
        sa.Column("authorization_details", JSONB, nullable=True),
    ]
    return {"clients": clients, "grants": grants, "access_tokens": tokens}


def upgrade() -> None:
    for table, columns in _added().items():
        for column in columns:
            op.add_column(table, column)
            if column.server_default is not None:
                op.alter_column(table, column.name, server_default=None)
    op.execute("UPDATE clients SET grant_types = ARRAY[CASE policy WHEN 'machine' THEN 'client_credentials' ELSE 'authorization_code' END]")
    op.add_column("authorization_codes", sa.Column("dpop_jkt", sa.String(43), nullable=True))
    _create_refresh_tokens()
    _create_pushed_requests()
    _create_used("revoked_tokens", "token_hash")
    _create_used("used_proofs", "proof_hash")


def downgrade() -> None:
    for table in ("used_proofs", "revoked_tokens", "pushed_requests", "refresh_tokens"):
        op.drop_table(table)
    op.drop_column("authorization_codes", "dpop_jkt")
    for table, columns in _added().items():
        for column in columns:
            op.drop_column(table, column.name)


def _create_refresh_tokens() -> None:
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("grant_id", sa.Uuid, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("cnf", JSONB, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("consumed_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_refresh_tokens_grant_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_tokens")),
        sa.UniqueConstraint("grant_id", "generation", name=op.f("uq_refresh_tokens_grant_id_generation")),
    )
    op.create_index(op.f("ix_refresh_tokens_expires_at"), "refresh_tokens", ["expires_at"])


def _create_pushed_requests() -> None:
    op.create_table(
        "pushed_requests",
        sa.Column("uri_hash", sa.String(64), nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("request", JSONB, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_pushed_requests_client_id")),
        sa.PrimaryKeyConstraint("uri_hash", name=op.f("pk_pushed_requests")),
    )
    op.create_index(op.f("ix_pushed_requests_expires_at"), "pushed_requests", ["expires_at"])


def _create_used(table: str, key: str) -> None:
    op.create_table(
        table,
        sa.Column(key, sa.String(64), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint(key, name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_expires_at"), table, ["expires_at"])
