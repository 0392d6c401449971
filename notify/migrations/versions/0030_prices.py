"""Prices with the day from which they hold.  The present ones, of the settings, are noted first by the job `note_prices`."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prices",
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("what IN ('sms-fragment', 'letter-sheet', 'letter-post')", name=op.f("ck_prices_what")),
        sa.PrimaryKeyConstraint("currency", "what", "since", name=op.f("pk_prices")),
    )


def downgrade() -> None:
    op.drop_table("prices")
