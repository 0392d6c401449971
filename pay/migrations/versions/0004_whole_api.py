"""What the whole public API needs: agreements, disputes, telephone reports, attempts, shares, suspense, settlement.

Spec: pay-api.md §11–§14, §19, §21; pay-design.md §3, §4.2, §7.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_LOCKED = (
    "state in ('AUTHORISATION_3DS_READY', 'AUTHORISATION_READY', 'CAPTURE_READY', 'EXPIRE_CANCEL_READY', "
    "'SYSTEM_CANCEL_READY', 'USER_CANCEL_READY')"
)
_LOCKED_BEFORE = "state in ('AUTHORISATION_READY', 'CAPTURE_READY', 'EXPIRE_CANCEL_READY', 'SYSTEM_CANCEL_READY', 'USER_CANCEL_READY')"


def upgrade() -> None:
    _create_tables()
    _add_columns()
    op.execute("ALTER TABLE payments DROP CONSTRAINT ck_payments_refunded")
    op.create_check_constraint(op.f("ck_payments_refunded"), "payments", "refunded_minor between 0 and amount_minor + surcharge_minor")
    op.create_check_constraint(op.f("ck_payments_surcharge"), "payments", "surcharge_minor >= 0")
    op.create_check_constraint(op.f("ck_gateway_accounts_attempts_max"), "gateway_accounts", "attempts_max between 1 and 20")
    op.drop_index("ix_payments_locked", table_name="payments")
    op.create_index("ix_payments_locked", "payments", ["updated_at"], postgresql_where=sa.text(_LOCKED))


def _create_tables() -> None:
    op.create_table(
        "settlement_files",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("imported_by", sa.String(length=200), nullable=False),
        sa.Column("imported_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_files")),
        sa.UniqueConstraint("gateway", "sha256", name=op.f("uq_settlement_files_gateway_sha256")),
    )
    op.create_table(
        "suspense_items",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("provider_id", sa.String(length=100), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=True),
        sa.Column("payment_id", sa.String(length=26), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=15), nullable=False),
        sa.Column("note", sa.String(length=200), server_default="", nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.Column("closed_by", sa.String(length=200), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_suspense_items_amount")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspense_items")),
        sa.UniqueConstraint("channel", "provider_id", name=op.f("uq_suspense_items_channel_provider_id")),
    )
    op.create_index(
        "ix_suspense_items_open",
        "suspense_items",
        ["account_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("closed_at is null"),
    )
    op.create_index(op.f("ix_suspense_items_payment_id"), "suspense_items", ["payment_id"], unique=False)
    op.create_table(
        "agreements",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("user_identifier_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("cancelled_at", _TIME, nullable=True),
        sa.Column("instrument_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("instrument_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["gateway_accounts.id"], name=op.f("fk_agreements_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreements")),
    )
    op.create_index("ix_agreements_account_id_created_at", "agreements", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "settlement_lines",
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("line_key", sa.String(length=120), nullable=False),
        sa.Column("file_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("provider_id", sa.String(length=100), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=False),
        sa.Column("result", sa.String(length=15), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=True),
        sa.Column("payment_id", sa.String(length=26), nullable=True),
        sa.Column("refund_id", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(["file_id"], ["settlement_files.id"], name=op.f("fk_settlement_lines_file_id")),
        sa.PrimaryKeyConstraint("gateway", "line_key", name=op.f("pk_settlement_lines")),
    )
    op.create_index(op.f("ix_settlement_lines_file_id"), "settlement_lines", ["file_id"], unique=False)
    op.create_index("ix_settlement_lines_payment_id", "settlement_lines", ["payment_id"], unique=False)
    op.create_index("ix_settlement_lines_settled_on", "settlement_lines", ["settled_on", "gateway"], unique=False)
    op.create_table(
        "disputes",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("payment_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("provider_id", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("evidence_due_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_disputes_amount")),
        sa.ForeignKeyConstraint(["account_id"], ["gateway_accounts.id"], name=op.f("fk_disputes_account_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_disputes_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint("gateway", "provider_id", name=op.f("uq_disputes_gateway_provider_id")),
    )
    op.create_index("ix_disputes_account_id_created_at", "disputes", ["account_id", "created_at", "id"], unique=False)
    op.create_index(op.f("ix_disputes_payment_id"), "disputes", ["payment_id"], unique=False)
    op.create_table(
        "telephone_notifications",
        sa.Column("payment_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("provider_id", sa.String(length=100), nullable=False),
        sa.Column("processor_id", sa.String(length=100), nullable=False),
        sa.Column("facts_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_telephone_notifications_payment_id")),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_telephone_notifications")),
        sa.UniqueConstraint("account_id", "provider_id", name=op.f("uq_telephone_notifications_account_id_provider_id")),
    )


def _add_columns() -> None:
    op.add_column("attempts", sa.Column("gateway", sa.String(length=40), nullable=True))
    op.add_column("attempts", sa.Column("amount_minor", sa.BigInteger(), nullable=True))
    op.add_column("attempts", sa.Column("token", sa.String(length=255), nullable=True))
    op.add_column("attempts", sa.Column("redirect", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("attempts", sa.Column("facts", sa.JSON(none_as_null=True), nullable=True))
    op.create_index("ix_attempts_token", "attempts", ["gateway", "token"], unique=True, postgresql_where=sa.text("token is not null"))
    op.add_column("gateway_accounts", sa.Column("allow_moto_api", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("gateway_accounts", sa.Column("allow_telephone", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("gateway_accounts", sa.Column("allow_recurring", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("gateway_accounts", sa.Column("block_prepaid", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("gateway_accounts", sa.Column("surcharge_credit_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("gateway_accounts", sa.Column("surcharge_debit_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("gateway_accounts", sa.Column("surcharge_prepaid_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("gateway_accounts", sa.Column("attempts_max", sa.Integer(), server_default="1", nullable=False))
    op.add_column("gateway_accounts", sa.Column("posts_per_second", sa.Integer(), server_default="15", nullable=False))
    op.add_column("gateway_accounts", sa.Column("others_per_second", sa.Integer(), server_default="75", nullable=False))
    op.add_column("gateway_accounts", sa.Column("credentials_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("page_tokens", sa.Column("purpose", sa.String(length=4), server_default="page", nullable=False))
    op.add_column("payments", sa.Column("surcharge_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("payments", sa.Column("fee_minor", sa.BigInteger(), nullable=True))
    op.add_column("payments", sa.Column("settled_on", sa.Date(), nullable=True))
    op.add_column("payments", sa.Column("allocations", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("payments", sa.Column("attempt_reference", sa.String(length=80), nullable=True))
    op.add_column("payments", sa.Column("attempts_made", sa.Integer(), server_default="0", nullable=False))
    op.add_column("payments", sa.Column("attempts_max", sa.Integer(), server_default="1", nullable=False))
    op.add_column("payments", sa.Column("agreement_id", sa.String(length=26), nullable=True))
    op.add_column("payments", sa.Column("agreement_payment_type", sa.String(length=12), nullable=True))
    op.add_column("payments", sa.Column("can_retry", sa.Boolean(), nullable=True))
    op.add_column("payments", sa.Column("payer_grams", sa.ARRAY(sa.Integer()), nullable=True))
    op.create_index(
        "ix_payments_account_id_settled_on",
        "payments",
        ["account_id", "settled_on"],
        unique=False,
        postgresql_where=sa.text("settled_on is not null"),
    )
    op.create_index(
        "ix_payments_agreement_id", "payments", ["agreement_id"], unique=False, postgresql_where=sa.text("agreement_id is not null")
    )
    op.create_index("ix_payments_payer_grams", "payments", ["payer_grams"], unique=False, postgresql_using="gin")
    op.create_index(
        "ix_payments_provider_id", "payments", ["gateway", "provider_id"], unique=False, postgresql_where=sa.text("provider_id is not null")
    )
    op.create_foreign_key(op.f("fk_payments_agreement_id"), "payments", "agreements", ["agreement_id"], ["id"])
    op.add_column("refunds", sa.Column("shares", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("refunds", sa.Column("settled_on", sa.Date(), nullable=True))
    op.create_index("ix_refunds_created_at", "refunds", ["created_at"], unique=False)
    op.create_index("ix_refunds_provider_id", "refunds", ["provider_id"], unique=False, postgresql_where=sa.text("provider_id is not null"))


def downgrade() -> None:
    op.drop_index("ix_payments_locked", table_name="payments")
    op.create_index("ix_payments_locked", "payments", ["updated_at"], postgresql_where=sa.text(_LOCKED_BEFORE))
    op.execute("ALTER TABLE payments DROP CONSTRAINT ck_payments_refunded")
    op.execute("ALTER TABLE payments DROP CONSTRAINT ck_payments_surcharge")
    op.execute("ALTER TABLE gateway_accounts DROP CONSTRAINT ck_gateway_accounts_attempts_max")
    op.create_check_constraint(op.f("ck_payments_refunded"), "payments", "refunded_minor between 0 and amount_minor")
    op.drop_index("ix_refunds_provider_id", table_name="refunds", postgresql_where=sa.text("provider_id is not null"))
    op.drop_index("ix_refunds_created_at", table_name="refunds")
    op.drop_column("refunds", "settled_on")
    op.drop_column("refunds", "shares")
    op.drop_constraint(op.f("fk_payments_agreement_id"), "payments", type_="foreignkey")
    op.drop_index("ix_payments_provider_id", table_name="payments", postgresql_where=sa.text("provider_id is not null"))
    op.drop_index("ix_payments_payer_grams", table_name="payments", postgresql_using="gin")
    op.drop_index("ix_payments_agreement_id", table_name="payments", postgresql_where=sa.text("agreement_id is not null"))
    op.drop_index("ix_payments_account_id_settled_on", table_name="payments", postgresql_where=sa.text("settled_on is not null"))
    op.drop_column("payments", "payer_grams")
    op.drop_column("payments", "can_retry")
    op.drop_column("payments", "agreement_payment_type")
    op.drop_column("payments", "agreement_id")
    op.drop_column("payments", "attempts_max")
    op.drop_column("payments", "attempts_made")
    op.drop_column("payments", "attempt_reference")
    op.drop_column("payments", "allocations")
    op.drop_column("payments", "settled_on")
    op.drop_column("payments", "fee_minor")
    op.drop_column("payments", "surcharge_minor")
    op.drop_column("page_tokens", "purpose")
    op.drop_column("gateway_accounts", "credentials_sealed")
    op.drop_column("gateway_accounts", "others_per_second")
    op.drop_column("gateway_accounts", "posts_per_second")
    op.drop_column("gateway_accounts", "attempts_max")
    op.drop_column("gateway_accounts", "surcharge_prepaid_minor")
    op.drop_column("gateway_accounts", "surcharge_debit_minor")
    op.drop_column("gateway_accounts", "surcharge_credit_minor")
    op.drop_column("gateway_accounts", "block_prepaid")
    op.drop_column("gateway_accounts", "allow_recurring")
    op.drop_column("gateway_accounts", "allow_telephone")
    op.drop_column("gateway_accounts", "allow_moto_api")
    op.drop_index("ix_attempts_token", table_name="attempts", postgresql_where=sa.text("token is not null"))
    op.drop_column("attempts", "facts")
    op.drop_column("attempts", "redirect")
    op.drop_column("attempts", "token")
    op.drop_column("attempts", "amount_minor")
    op.drop_column("attempts", "gateway")
    _drop_tables()


def _drop_tables() -> None:
    op.drop_table("telephone_notifications")
    op.drop_index(op.f("ix_disputes_payment_id"), table_name="disputes")
    op.drop_index("ix_disputes_account_id_created_at", table_name="disputes")
    op.drop_table("disputes")
    op.drop_index("ix_settlement_lines_settled_on", table_name="settlement_lines")
    op.drop_index("ix_settlement_lines_payment_id", table_name="settlement_lines")
    op.drop_index(op.f("ix_settlement_lines_file_id"), table_name="settlement_lines")
    op.drop_table("settlement_lines")
    op.drop_index("ix_agreements_account_id_created_at", table_name="agreements")
    op.drop_table("agreements")
    op.drop_index(op.f("ix_suspense_items_payment_id"), table_name="suspense_items")
    op.drop_index("ix_suspense_items_open", table_name="suspense_items", postgresql_where=sa.text("closed_at is null"))
    op.drop_table("suspense_items")
    op.drop_table("settlement_files")
