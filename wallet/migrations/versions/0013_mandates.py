"""Mandates of identity stand beside those of other registers: one delegation in force for each register."""

import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import Operations

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

op: Operations = alembic_op  # type: ignore[assignment]  # the module stands for the operations of the present migration

CONTRACTS = "nothing: what is unique from now on was unique with fewer columns before, so no older process writes what is refused"
PAIR = ["principal_index", "delegate_index", "kind"]
ACTIVE = sa.text("state = 'active'")


def upgrade() -> None:
    op.create_index("uq_delegations_one", "delegations", [*PAIR, "register"], unique=True, postgresql_where=ACTIVE)
    op.drop_index("uq_delegations_active", table_name="delegations")


def downgrade() -> None:
    op.create_index("uq_delegations_active", "delegations", PAIR, unique=True, postgresql_where=ACTIVE)
    op.drop_index("uq_delegations_one", table_name="delegations")
