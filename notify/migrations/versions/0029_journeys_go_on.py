"""What waits to be followed by another message keeps the request and the journey it came with."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None
TABLES = ("person_sends", "reminders")
COLUMNS = ("request_id", "journey_id")


def upgrade() -> None:
    for table in TABLES:
        for name in COLUMNS:
            op.add_column(table, sa.Column(name, sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    for table in TABLES:
        for name in COLUMNS:
            op.drop_column(table, name)
