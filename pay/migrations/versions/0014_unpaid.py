"""An index of payments that ended unpaid, so that searches for them need not read all."""

import sqlalchemy as sa
from alembic import op

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


def upgrade() -> None:
    predicate = "state in (" + ", ".join(f"'{name}'" for name in UNPAID) + ")"
    op.create_index(
        "ix_payments_unpaid", "payments", ["account_id", "state", "created_at", "id"], unique=False, postgresql_where=sa.text(predicate)
    )


def downgrade() -> None:
    op.drop_index("ix_payments_unpaid", table_name="payments")
