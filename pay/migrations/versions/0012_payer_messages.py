"""Whom to tell by e-mail, and when to remind of a notice.  Spec: requirements PA-7, pay-api.md §23."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("gateway_accounts", sa.Column("payer_emails", sa.Boolean(), nullable=False, server_default="true"))
    op.add_column("notices", sa.Column("remind_on", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("notices", "remind_on")
    op.drop_column("gateway_accounts", "payer_emails")
