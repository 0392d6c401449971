"""Requests that are answered elsewhere may ask by vectors of trust."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("remote_requests", sa.Column("vectors", ARRAY(sa.String), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("remote_requests", "vectors")
