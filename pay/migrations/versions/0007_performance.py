"""Counts of interactions, answers and costs, for open data."""

from alembic import op

from shared.performance import schema

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    schema.create_v1(op)  # type: ignore[arg-type]  # the module stands for the operations of the present migration


def downgrade() -> None:
    """Drop the tables."""
    schema.drop_v1(op)  # type: ignore[arg-type]  # as above
