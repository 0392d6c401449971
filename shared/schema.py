"""The shared tables, as each service's first migration makes them.

Frozen once released: a later change is a new pair of functions beside these, called by a new migration of each service.
"""

import sqlalchemy as sa
from alembic.operations import Operations
from sqlalchemy.dialects.postgresql import JSONB

from shared.audit import schema as audit_schema
from shared.web import schema as web_schema

_TIME = sa.DateTime(timezone=True)


def create_v1(op: Operations) -> None:
    """Make outbox, data keys, idempotency keys, cached documents, web sessions and the audit log."""
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("job", sa.String(80), nullable=False),
        sa.Column("queue", sa.String(40), nullable=False, server_default=""),
        sa.Column("payload", JSONB, nullable=False),
        sa.Column("state", sa.String(10), nullable=False, server_default="waiting"),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("lease", sa.Integer, nullable=False, server_default="0"),
        sa.Column("published", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("runner", sa.String(80)),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("last_error", sa.String(200)),
        sa.Column("request_id", sa.String(64), nullable=False, server_default=""),
        sa.Column("journey_id", sa.String(64), nullable=False, server_default=""),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_due_at"), "outbox", ["due_at"], postgresql_where=sa.text("state = 'waiting'"))
    op.create_table(
        "data_keys",
        sa.Column("scope", sa.String(200), nullable=False),
        sa.Column("kek_id", sa.String(40), nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_data_keys")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("scope", sa.String(120), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("result", JSONB, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])
    op.create_table(
        "cached_documents",
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("fetched_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("url", name=op.f("pk_cached_documents")),
    )
    web_schema.create_v1(op)
    audit_schema.create_v1(op)


def drop_v1(op: Operations) -> None:
    """Drop what `create_v1` made."""
    audit_schema.drop_v1(op)
    web_schema.drop_v1(op)
    for table in ("cached_documents", "idempotency_keys", "data_keys", "outbox"):
        op.drop_table(table)


def create_v2(op: Operations) -> None:
    """Make the count of destroyed data keys, and when each periodic job last came to its end."""
    op.create_table(
        "data_key_erasures",
        sa.Column("id", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("counted", sa.BigInteger, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_data_key_erasures_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_key_erasures")),
    )
    op.create_table(
        "periodic_ends",
        sa.Column("job", sa.String(80), nullable=False),
        sa.Column("ended_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_periodic_ends")),
    )


def drop_v2(op: Operations) -> None:
    """Drop what `create_v2` made."""
    for table in ("periodic_ends", "data_key_erasures"):
        op.drop_table(table)
