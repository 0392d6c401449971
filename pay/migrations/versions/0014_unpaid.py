"""Indexes of payments that ended unpaid, and of notices to remind of, made while users go on paying."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

UNPAID = (
    "AUTHORISATION_SUBMITTED",
    "AUTHORISATION_REJECTED",
    "AUTHORISATION_ABORTED",
    "AUTHORISATION_CANCELLED",
    "AUTHORISATION_ERROR",
    "AUTHORISATION_TIMEOUT",
    "AUTHORISATION_UNEXPECTED_ERROR",
    "AUTHORISATION_ERROR_CANCELLED",
    "AUTHORISATION_ERROR_REJECTED",
    "AUTHORISATION_ERROR_CHARGE_MISSING",
    "CAPTURE_ERROR",
    "EXPIRED",
    "EXPIRE_CANCEL_READY",
    "EXPIRE_CANCEL_SUBMITTED",
    "EXPIRE_CANCEL_FAILED",
    "USER_CANCELLED",
    "USER_CANCEL_READY",
    "USER_CANCEL_SUBMITTED",
    "USER_CANCEL_ERROR",
    "SYSTEM_CANCELLED",
    "SYSTEM_CANCEL_READY",
    "SYSTEM_CANCEL_SUBMITTED",
    "SYSTEM_CANCEL_ERROR",
)


INDEXES = (
    (
        "ix_payments_unpaid",
        "payments",
        ["account_id", "state", "created_at", "id"],
        "state in (" + ", ".join(f"'{it}'" for it in UNPAID) + ")",
    ),
    ("ix_notices_remind_on", "notices", ["remind_on"], "remind_on is not null"),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        _set_limits(0, 0)  # it holds up nobody, and may take as long as it needs
        for name, table, columns, predicate in INDEXES:
            # One that was cut off is left behind invalid: the next run makes it anew.
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, columns, postgresql_where=sa.text(predicate), postgresql_concurrently=True)
        _set_limits(LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS)


def downgrade() -> None:
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table_name=table, if_exists=True)


def _set_limits(lock_ms: int, statement_ms: int) -> None:
    op.execute(f"SET lock_timeout = {lock_ms}")
    op.execute(f"SET statement_timeout = {statement_ms}")
