"""Exchanges of the token way: given a token, and closed by the provider's report."""

from alembic import op as alembic_op
from alembic.operations import Operations

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

op: Operations = alembic_op  # type: ignore[assignment]  # the module stands for the operations of the present migration
BEFORE = "state in ('attempt', 'released', 'no_record', 'denied', 'failed')"
AFTER = "state in ('attempt', 'released', 'no_record', 'denied', 'failed', 'minted')"


def upgrade() -> None:
    op.drop_constraint(op.f("ck_exchanges_state"), "exchanges", type_="check")
    op.create_check_constraint(op.f("ck_exchanges_state"), "exchanges", AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM exchanges WHERE state = 'minted'")
    op.drop_constraint(op.f("ck_exchanges_state"), "exchanges", type_="check")
    op.create_check_constraint(op.f("ck_exchanges_state"), "exchanges", BEFORE)
