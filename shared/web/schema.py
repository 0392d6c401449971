"""The table of web sessions, made by each service that has pages of signed-in people (its first migration calls this)."""

import sqlalchemy as sa
from alembic.operations import Operations
from sqlalchemy import Column, Index, LargeBinary, String, Table

from shared.db import UtcDateTime, shared_metadata

web_sessions = Table(
    "web_sessions",
    shared_metadata,
    Column("id_hash", String(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Column("login_hash", String(64), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("ix_web_sessions_expires_at", "expires_at"),
    Index("ix_web_sessions_login_hash", "login_hash"),
)
"""`id_hash`: SHA-256 of the id in the cookie.  `login_hash`: SHA-256 of the issuer's session id, for its back-channel logout."""


def create_v1(op: Operations) -> None:
    """Make the table as of its first version."""
    op.create_table(
        "web_sessions",
        sa.Column("id_hash", sa.String(64), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("login_hash", sa.String(64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_web_sessions")),
    )
    op.create_index(op.f("ix_web_sessions_expires_at"), "web_sessions", ["expires_at"])
    op.create_index(op.f("ix_web_sessions_login_hash"), "web_sessions", ["login_hash"])


def drop_v1(op: Operations) -> None:
    """Undo `create_v1`."""
    op.drop_table("web_sessions")
