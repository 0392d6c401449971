"""Indexes for letting go of grants and sessions that ended: what points to them, and in which order they are looked through."""

from alembic import op
from sqlalchemy import text

from shared.migrations import LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_authorization_codes_grant_id", "authorization_codes", ["grant_id"], None),
    ("ix_interactions_session_id", "interactions", ["session_id"], "session_id IS NOT NULL"),
    ("ix_remote_requests_grant_id", "remote_requests", ["grant_id"], "grant_id IS NOT NULL"),
    ("ix_grants_own", "grants", ["created_at", "id"], "mandate_id IS NULL AND assisted_id IS NULL"),
    ("ix_sso_sessions_expires_at", "sso_sessions", ["expires_at", "id"], None),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # Built beside the work of others, which nobody waits for: it may take its time.
        op.execute("SET lock_timeout = 0")
        op.execute("SET statement_timeout = 0")
        for name, table, columns, which in INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")  # what a try that was broken off left is not valid
            op.create_index(name, table, columns, postgresql_where=text(which) if which else None, postgresql_concurrently=True)
        op.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
        op.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")


def downgrade() -> None:
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table)
