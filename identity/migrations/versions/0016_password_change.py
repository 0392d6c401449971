"""Passwords that are to be changed at the next sign-in."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the mark."""
    op.add_column("passwords", sa.Column("must_change", sa.Boolean, server_default=sa.false(), nullable=False))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("passwords", "must_change")
