"""Letters in batches know their printer: there may be several."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("print_batches", "print_items"):
        op.add_column(table, sa.Column("printer", sa.String(length=40), server_default="print-sftp", nullable=False))
    op.create_index("ix_print_batches_made", "print_batches", ["created_at"], postgresql_where=sa.text("state = 'made'"))


def downgrade() -> None:
    op.drop_index("ix_print_batches_made", table_name="print_batches")
    for table in ("print_batches", "print_items"):
        op.drop_column(table, "printer")
