"""Lists of what is rare among very many: what did not arrive, and letters."""

from alembic import op

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


def upgrade() -> None:
    for name, condition in _INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON notifications (service_id, key_kind, created_at, id) WHERE {condition}")


def downgrade() -> None:
    for name in _INDEXES:
        op.execute(f"DROP INDEX {name}")
