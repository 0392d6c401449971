"""Registers that answer later: an exchange waits for the same request to come again."""

import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import Operations

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

op: Operations = alembic_op  # type: ignore[assignment]  # the module stands for the operations of the present migration

STATES_BEFORE = "state in ('attempt', 'released', 'no_record', 'denied', 'failed', 'previewed', 'minted')"
STATES_AFTER = "state in ('attempt', 'released', 'no_record', 'denied', 'failed', 'previewed', 'waiting', 'minted')"


def upgrade() -> None:
    op.drop_constraint(op.f("ck_exchanges_state"), "exchanges", type_="check")
    op.create_check_constraint(op.f("ck_exchanges_state"), "exchanges", STATES_AFTER)
    op.create_index("ix_exchanges_waiting", "exchanges", ["created_at"], postgresql_where=sa.text("state = 'waiting'"))


def downgrade() -> None:
    op.drop_index("ix_exchanges_waiting", table_name="exchanges")
    op.execute("UPDATE exchanges SET state = 'failed', sealed = NULL WHERE state = 'waiting'")
    op.drop_constraint(op.f("ck_exchanges_state"), "exchanges", type_="check")
    op.create_check_constraint(op.f("ck_exchanges_state"), "exchanges", STATES_BEFORE)
