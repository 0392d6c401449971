"""What every process must see: that a data key was destroyed, and when each periodic job last came to its end."""

from alembic import op

from shared import schema

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    schema.create_v2(op)  # type: ignore[arg-type]  # the module stands for the operations of the present migration


def downgrade() -> None:
    schema.drop_v2(op)  # type: ignore[arg-type]  # as above
