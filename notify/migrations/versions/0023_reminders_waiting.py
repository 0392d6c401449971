"""A service's waiting reminders in their order: a list of very many is read page by page."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_reminders_waiting", "reminders", ["service_id", "due_at", "id"], postgresql_where=sa.text("state = 'waiting'"))


def downgrade() -> None:
    op.drop_index("ix_reminders_waiting", table_name="reminders")
