"""What the sandbox gateway remembers of an instrument, so that it can say it again when it is asked."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sandbox_bookings", sa.Column("instrument_token", sa.String(length=40), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("sandbox_bookings", "instrument_token")
