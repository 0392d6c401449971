"""Persons may be erased."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_NAME = "ck_persons_state"


def upgrade() -> None:
    """Allow the state."""
    op.drop_constraint(_NAME, "persons")
    op.create_check_constraint(_NAME, "persons", "state IN ('active', 'suspended', 'deceased', 'pending', 'erased')")


def downgrade() -> None:
    """Take it away: what is left of an erased person is nobody who signs in."""
    op.execute("UPDATE persons SET state = 'suspended' WHERE state = 'erased'")
    op.drop_constraint(_NAME, "persons")
    op.create_check_constraint(_NAME, "persons", "state IN ('active', 'suspended', 'deceased', 'pending')")
