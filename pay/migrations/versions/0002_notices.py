"""Notices: debts known before their payment.  Spec: pay-design.md §6, §8."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "notice_issuers",
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("code", sa.String(length=3), nullable=False),
        sa.Column("amount_hook_url", sa.String(length=2000), nullable=True),
        sa.Column("hook_key_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["gateway_accounts.id"], name=op.f("fk_notice_issuers_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_notice_issuers")),
        sa.UniqueConstraint("code", name=op.f("uq_notice_issuers_code")),
    )
    op.create_table(
        "notices",
        sa.Column("number", sa.String(length=18), nullable=False),
        sa.Column("payment_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("debt_id", sa.String(length=26), nullable=False),
        sa.Column("instalment", sa.Integer(), nullable=False),
        sa.Column("instalments", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("debtor_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("debtor_index", sa.LargeBinary(), nullable=True),
        sa.Column("batch_id", sa.String(length=26), nullable=True),
        sa.Column("batch_place", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lock_hash", sa.String(length=64), nullable=True),
        sa.Column("locked_by", sa.String(length=40), nullable=True),
        sa.Column("locked_until", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["gateway_accounts.id"], name=op.f("fk_notices_account_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_notices_payment_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_notices")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_notices_payment_id")),
    )
    op.create_index(op.f("ix_notices_batch_id"), "notices", ["batch_id"], unique=False)
    op.create_index(op.f("ix_notices_debt_id"), "notices", ["debt_id"], unique=False)
    op.create_index(op.f("ix_notices_debtor_index"), "notices", ["debtor_index"], unique=False)
    op.create_index("ix_notices_account_id_created_at", "notices", ["account_id", "created_at"], unique=False)
    op.create_index("ix_notices_locked_until", "notices", ["locked_until"], unique=False, postgresql_where=sa.text("state = 'activated'"))


def downgrade() -> None:
    op.drop_table("notices")
    op.drop_table("notice_issuers")
