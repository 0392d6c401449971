"""Lists of what is rare among very many: what did not arrive, and letters.

The table is the busiest there is, so its indexes are made beside the writers: for the whole of it in name only, then one table of a
day after another without a lock that writers would feel.  Run again after a fault it goes on where it was.
"""

from alembic import op
from sqlalchemy import Connection, text

from shared.migrations import LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ENDS = (
    "'technical-failure', 'temporary-failure', 'permanent-failure', "
    "'validation-failed', 'virus-scan-failed', 'returned-letter', 'cancelled'"
)
_INDEXES = {
    "ix_notifications_not_arrived": f"status IN ({_ENDS})",
    "ix_notifications_letters": "channel IN ('letter', 'mailbox')",
}
_COLUMNS = "(service_id, key_kind, created_at, id)"
_WITHOUT = text("""
    SELECT n.nspname, c.relname
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE i.inhparent = 'notifications'::regclass AND NOT EXISTS (
        SELECT FROM pg_inherits a JOIN pg_index x ON x.indexrelid = a.inhrelid
        WHERE a.inhparent = CAST(:index AS regclass) AND x.indrelid = c.oid)
    ORDER BY c.relname
""")
_BROKEN = text("SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(:index) AND NOT indisvalid)")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        try:
            for name, condition in _INDEXES.items():
                op.execute(f"CREATE INDEX IF NOT EXISTS {name} ON ONLY notifications {_COLUMNS} WHERE {condition}")
                for schema, table in connection.execute(_WITHOUT, {"index": name}).all():
                    made = f"{table}_{name.removeprefix('ix_notifications_')}"
                    _make_one(connection, f"{schema}.{made}", f"{made} ON {schema}.{table} {_COLUMNS} WHERE {condition}")
                    op.execute(f"ALTER INDEX {name} ATTACH PARTITION {schema}.{made}")
        finally:
            _wait_at_most(LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS)


def _make_one(connection: Connection, index: str, definition: str) -> None:
    """Make the index of one table however long that takes; what an earlier try left half made goes first."""
    _wait_at_most(0, 0)
    if connection.execute(_BROKEN, {"index": index}).scalar_one():
        op.execute(f"DROP INDEX CONCURRENTLY {index}")
    op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {definition}")
    _wait_at_most(LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS)


def _wait_at_most(lock_ms: int, statement_ms: int) -> None:
    op.execute(f"SET lock_timeout = {lock_ms}")
    op.execute(f"SET statement_timeout = {statement_ms}")


def downgrade() -> None:
    for name in _INDEXES:
        op.execute(f"DROP INDEX {name}")
