"""Accounts: which person identity's name for her stands for, and whether it is trusted now; consents found by their chain."""

import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import Operations

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
op: Operations = alembic_op  # type: ignore[assignment]  # the module stands for the operations of the present migration


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("sub", sa.String(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("subject_index", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("disabled_at", TIME, nullable=True),
        sa.Column("signed_out_before", TIME, nullable=True),
        sa.PrimaryKeyConstraint("sub", name=op.f("pk_accounts")),
    )
    op.create_index("ix_accounts_subject_index", "accounts", ["subject_index"])
    op.create_index("ix_consents_chain_id", "consents", ["chain_id", "consent_version"])


def downgrade() -> None:
    op.drop_index("ix_consents_chain_id", table_name="consents")
    op.drop_table("accounts")
