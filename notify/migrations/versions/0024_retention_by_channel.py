"""How long a service keeps its messages, by channel, where that is not the same for all."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("services", sa.Column("retention", JSONB(), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("services", "retention")
