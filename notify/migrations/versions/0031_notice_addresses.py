"""Whom of a team problems of its service are told to; without it, the address for replies."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("services", sa.Column("notices_sealed", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("services", "notices_sealed")
