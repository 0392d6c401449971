"""Grants are found by what their details carry, without reading all of a client's."""

from alembic import op
from sqlalchemy import text

from shared.migrations import LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None
NAME = "ix_grants_authorization_details"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # Built beside the work of others, which nobody waits for: it may take its time.
        op.execute("SET lock_timeout = 0")
        op.execute("SET statement_timeout = 0")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")  # what a try that was broken off left is not valid
        op.create_index(
            NAME,
            "grants",
            ["authorization_details"],
            postgresql_using="gin",
            postgresql_ops={"authorization_details": "jsonb_path_ops"},
            postgresql_where=text("jsonb_typeof(authorization_details) = 'array'"),
            postgresql_concurrently=True,
        )
        op.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
        op.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")


def downgrade() -> None:
    op.drop_index(NAME, "grants")
