"""The console: refunds of two persons, payment links.  Spec: pay-api.md §17, §23."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "account_controls",
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("refund_alone_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("refund_alone_minor >= 0", name=op.f("ck_account_controls_refund_alone")),
        sa.ForeignKeyConstraint(["account_id"], ["gateway_accounts.id"], name=op.f("fk_account_controls_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_controls")),
    )
    op.create_table(
        "refund_requests",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("payment_id", sa.String(length=26), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("requested_by", sa.String(length=200), nullable=False),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("refund_id", sa.String(length=26), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refund_requests_amount")),
        sa.CheckConstraint("decided_by is null or decided_by <> requested_by", name=op.f("ck_refund_requests_two_persons")),
        sa.ForeignKeyConstraint(["account_id"], ["gateway_accounts.id"], name=op.f("fk_refund_requests_account_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_refund_requests_payment_id")),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_refund_requests_refund_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_requests")),
    )
    op.create_index(op.f("ix_refund_requests_payment_id"), "refund_requests", ["payment_id"], unique=False)
    op.create_index(
        "ix_refund_requests_proposed",
        "refund_requests",
        ["account_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_table(
        "payment_links",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("service_path", sa.String(length=60), nullable=False),
        sa.Column("product_path", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("amount_hint", sa.String(length=200), server_default="", nullable=False),
        sa.Column("reference_enabled", sa.Boolean(), nullable=False),
        sa.Column("reference_label", sa.String(length=60), server_default="", nullable=False),
        sa.Column("reference_hint", sa.String(length=200), server_default="", nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint("price_minor is null or price_minor > 0", name=op.f("ck_payment_links_price")),
        sa.ForeignKeyConstraint(["account_id"], ["gateway_accounts.id"], name=op.f("fk_payment_links_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_links")),
        sa.UniqueConstraint("service_path", "product_path", name=op.f("uq_payment_links_service_path_product_path")),
    )
    op.create_index(op.f("ix_payment_links_account_id"), "payment_links", ["account_id"], unique=False)


def downgrade() -> None:
    op.drop_table("payment_links")
    op.drop_table("refund_requests")
    op.drop_table("account_controls")
