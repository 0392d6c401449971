"""Receipts by their code, and the keys that sign them.  Spec: requirements PA-7."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "payment_receipts",
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("payment_id", sa.String(length=26), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_payment_receipts_payment_id")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_payment_receipts")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_payment_receipts_payment_id")),
    )
    op.create_table(
        "receipt_keys",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("key_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_keys")),
    )


def downgrade() -> None:
    op.drop_table("receipt_keys")
    op.drop_table("payment_receipts")
