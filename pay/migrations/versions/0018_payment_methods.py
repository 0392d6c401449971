"""How a payment may be paid, and the number of its notice.  Spec: pay-api.md §25."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("methods", postgresql.ARRAY(sa.String(length=10)), nullable=True))
    op.add_column("payments", sa.Column("notice_number", sa.String(length=18), nullable=True))


def downgrade() -> None:
    op.drop_column("payments", "notice_number")
    op.drop_column("payments", "methods")
