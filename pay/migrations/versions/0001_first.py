"""The first tables of pay, with the guards of the ledger: entries never change and always balance.

Spec: pay-design.md §3.
"""

from typing import cast

import sqlalchemy as sa
from alembic import op
from alembic.operations import Operations

from shared import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_WAITING = (
    "state in ('CREATED', 'PAYMENT_NOTIFICATION_CREATED', 'ENTERING_CARD_DETAILS', 'AUTHORISATION_USER_NOT_PRESENT_QUEUED', "
    "'AUTHORISATION_READY', 'AUTHORISATION_3DS_REQUIRED', 'AUTHORISATION_3DS_READY', 'AUTHORISATION_SUCCESS', 'AWAITING_CAPTURE_REQUEST')"
)
_APPEND_ONLY = ("ledger_transactions", "ledger_entries", "payment_events")

# restrict_violation reaches SQLAlchemy as an IntegrityError.
_REFUSE = """
CREATE FUNCTION pay_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: it is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""
_BALANCE = """
CREATE FUNCTION ledger_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    examined bigint := (to_jsonb(NEW)->>TG_ARGV[0])::bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_entries WHERE transaction_id = examined) THEN
        RAISE EXCEPTION 'ledger transaction % has no entries', examined USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT FROM ledger_entries WHERE transaction_id = examined GROUP BY layer, currency
        HAVING sum(CASE side WHEN 'debit' THEN amount_minor ELSE -amount_minor END) <> 0
    ) THEN
        RAISE EXCEPTION 'ledger transaction % does not balance', examined USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    schema.create_v1(cast(Operations, op))
    _create_tables()
    _create_guards()


def _create_guards() -> None:
    op.execute(_REFUSE)
    op.execute(_BALANCE)
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION pay_refuse()"
        )
    for table, column in (("ledger_transactions", "id"), ("ledger_entries", "transaction_id")):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_balance AFTER INSERT ON {table} "
            f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_balance('{column}')"
        )


def _create_tables() -> None:
    op.create_table(
        "gateway_accounts",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("service_name", sa.String(length=100), nullable=False),
        sa.Column("organisation_id", sa.String(length=100), nullable=False),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("gateway_ready", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("language", sa.String(length=2), server_default="en", nullable=False),
        sa.Column("max_amount_minor", sa.BigInteger(), server_default="10000000", nullable=False),
        sa.Column("allow_zero_amount", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("allow_moto", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("email_collection", sa.String(length=10), server_default="MANDATORY", nullable=False),
        sa.Column("collect_billing_address", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("card_brands", sa.ARRAY(sa.String(length=20)), nullable=False),
        sa.Column("disabled_reason", sa.String(length=200), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint("email_collection in ('MANDATORY', 'OPTIONAL', 'OFF')", name=op.f("ck_gateway_accounts_email_collection")),
        sa.CheckConstraint("not is_live or gateway <> 'sandbox'", name=op.f("ck_gateway_accounts_live_is_not_sandbox")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_accounts")),
    )
    op.create_table(
        "ledger_accounts",
        sa.Column("code", sa.String(length=160), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("pending_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("posted_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("code", "currency", name=op.f("pk_ledger_accounts")),
    )
    op.create_table(
        "ledger_transactions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("source_id", sa.String(length=40), nullable=False),
        sa.Column("payment_id", sa.String(length=26), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("resolves_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["resolves_id"], ["ledger_transactions.id"], name=op.f("fk_ledger_transactions_resolves_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transactions")),
        sa.UniqueConstraint("resolves_id", name=op.f("uq_ledger_transactions_resolves_id")),
        sa.UniqueConstraint("source", "source_id", name=op.f("uq_ledger_transactions_source_source_id")),
    )
    op.create_index(op.f("ix_ledger_transactions_payment_id"), "ledger_transactions", ["payment_id"], unique=False)
    op.create_table(
        "sandbox_bookings",
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("payment_id", sa.String(length=26), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("provider_id", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_sandbox_bookings")),
    )
    op.create_index(op.f("ix_sandbox_bookings_payment_id"), "sandbox_bookings", ["payment_id"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_used_at", _TIME, nullable=True),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["gateway_accounts.id"], name=op.f("fk_api_keys_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_keys_token_hash")),
    )
    op.create_index(op.f("ix_api_keys_account_id"), "api_keys", ["account_id"], unique=False)
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("account_code", sa.String(length=160), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("side", sa.String(length=6), nullable=False),
        sa.Column("layer", sa.String(length=7), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("layer in ('pending', 'posted')", name=op.f("ck_ledger_entries_layer")),
        sa.CheckConstraint("side in ('debit', 'credit')", name=op.f("ck_ledger_entries_side")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_ledger_entries_amount")),
        sa.ForeignKeyConstraint(
            ["account_code", "currency"],
            ["ledger_accounts.code", "ledger_accounts.currency"],
            name=op.f("fk_ledger_entries_account_code_currency"),
        ),
        sa.ForeignKeyConstraint(["transaction_id"], ["ledger_transactions.id"], name=op.f("fk_ledger_entries_transaction_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
    )
    op.create_index(op.f("ix_ledger_entries_transaction_id"), "ledger_entries", ["transaction_id"], unique=False)
    op.create_table(
        "payments",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("state", sa.String(length=50), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("return_url", sa.String(length=2000), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("authorisation_mode", sa.String(length=20), nullable=False),
        sa.Column("delayed_capture", sa.Boolean(), nullable=False),
        sa.Column("moto", sa.Boolean(), nullable=False),
        sa.Column("metadata", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("payer_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("card_brand", sa.String(length=20), nullable=True),
        sa.Column("card_type", sa.String(length=10), nullable=True),
        sa.Column("first_digits", sa.String(length=6), nullable=True),
        sa.Column("last_digits", sa.String(length=4), nullable=True),
        sa.Column("card_expiry", sa.String(length=5), nullable=True),
        sa.Column("provider_id", sa.String(length=100), nullable=True),
        sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("capture_submitted_at", _TIME, nullable=True),
        sa.Column("captured_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_payments_amount")),
        sa.CheckConstraint("refunded_minor between 0 and amount_minor", name=op.f("ck_payments_refunded")),
        sa.ForeignKeyConstraint(["account_id"], ["gateway_accounts.id"], name=op.f("fk_payments_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
    )
    op.create_index("ix_payments_account_id_created_at", "payments", ["account_id", "created_at", "id"], unique=False)
    op.create_index("ix_payments_account_id_reference", "payments", ["account_id", sa.literal_column("lower(reference)")], unique=False)
    op.create_index(
        "ix_payments_expires_at",
        "payments",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text(_WAITING),
    )
    op.create_index(
        "ix_payments_locked",
        "payments",
        ["updated_at"],
        unique=False,
        postgresql_where=sa.text(
            "state in ('AUTHORISATION_READY', 'CAPTURE_READY', 'EXPIRE_CANCEL_READY', 'SYSTEM_CANCEL_READY', 'USER_CANCEL_READY')"
        ),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("callback_url", sa.String(length=2000), nullable=False),
        sa.Column("signing_key_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("subscriptions", sa.ARRAY(sa.String(length=40)), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["gateway_accounts.id"], name=op.f("fk_webhooks_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index(op.f("ix_webhooks_account_id"), "webhooks", ["account_id"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("payment_id", sa.String(length=26), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("provider_id", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("answered_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_attempts_payment_id")),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_payment_id"), "attempts", ["payment_id"], unique=False)
    op.create_table(
        "page_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("payment_id", sa.String(length=26), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.Column("session_hash", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_page_tokens_payment_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_page_tokens")),
        sa.UniqueConstraint("session_hash", name=op.f("uq_page_tokens_session_hash")),
    )
    op.create_index(op.f("ix_page_tokens_expires_at"), "page_tokens", ["expires_at"], unique=False)
    op.create_index(op.f("ix_page_tokens_payment_id"), "page_tokens", ["payment_id"], unique=False)
    op.create_table(
        "payment_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("payment_id", sa.String(length=26), nullable=False),
        sa.Column("before", sa.String(length=50), nullable=True),
        sa.Column("after", sa.String(length=50), nullable=False),
        sa.Column("event", sa.String(length=60), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_payment_events_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_events")),
    )
    op.create_index(op.f("ix_payment_events_payment_id"), "payment_events", ["payment_id"], unique=False)
    op.create_table(
        "refunds",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("payment_id", sa.String(length=26), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("provider_id", sa.String(length=100), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refunds_amount")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
    )
    op.create_index(op.f("ix_refunds_payment_id"), "refunds", ["payment_id"], unique=False)
    op.create_index(
        "ix_refunds_unfinished",
        "refunds",
        ["updated_at"],
        unique=False,
        postgresql_where=sa.text("state in ('CREATED', 'REFUND SUBMITTED')"),
    )
    op.create_table(
        "webhook_messages",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("webhook_id", sa.String(length=26), nullable=False),
        sa.Column("payment_id", sa.String(length=26), nullable=False),
        sa.Column("event_type", sa.String(length=40), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=15), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_webhook_messages_payment_id")),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_messages_webhook_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_messages")),
    )
    op.create_index(op.f("ix_webhook_messages_payment_id"), "webhook_messages", ["payment_id"], unique=False)
    op.create_index(op.f("ix_webhook_messages_webhook_id"), "webhook_messages", ["webhook_id"], unique=False)
    op.create_table(
        "webhook_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("message_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("response_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(length=40), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["webhook_messages.id"], name=op.f("fk_webhook_attempts_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempts")),
        sa.UniqueConstraint("message_id", "number", name=op.f("uq_webhook_attempts_message_id_number")),
    )


def downgrade() -> None:
    op.drop_table("webhook_attempts")
    op.drop_index(op.f("ix_webhook_messages_webhook_id"), table_name="webhook_messages")
    op.drop_index(op.f("ix_webhook_messages_payment_id"), table_name="webhook_messages")
    op.drop_table("webhook_messages")
    op.drop_index("ix_refunds_unfinished", table_name="refunds", postgresql_where=sa.text("state in ('CREATED', 'REFUND SUBMITTED')"))
    op.drop_index(op.f("ix_refunds_payment_id"), table_name="refunds")
    op.drop_table("refunds")
    op.drop_index(op.f("ix_payment_events_payment_id"), table_name="payment_events")
    op.drop_table("payment_events")
    op.drop_index(op.f("ix_page_tokens_payment_id"), table_name="page_tokens")
    op.drop_index(op.f("ix_page_tokens_expires_at"), table_name="page_tokens")
    op.drop_table("page_tokens")
    op.drop_index(op.f("ix_attempts_payment_id"), table_name="attempts")
    op.drop_table("attempts")
    op.drop_index(op.f("ix_webhooks_account_id"), table_name="webhooks")
    op.drop_table("webhooks")
    op.drop_index(
        "ix_payments_locked",
        table_name="payments",
        postgresql_where=sa.text(
            "state in ('AUTHORISATION_READY', 'CAPTURE_READY', 'EXPIRE_CANCEL_READY', 'SYSTEM_CANCEL_READY', 'USER_CANCEL_READY')"
        ),
    )
    op.drop_index(
        "ix_payments_expires_at",
        table_name="payments",
        postgresql_where=sa.text(_WAITING),
    )
    op.drop_index("ix_payments_account_id_reference", table_name="payments")
    op.drop_index("ix_payments_account_id_created_at", table_name="payments")
    op.drop_table("payments")
    op.drop_index(op.f("ix_ledger_entries_transaction_id"), table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_index(op.f("ix_api_keys_account_id"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_index(op.f("ix_sandbox_bookings_payment_id"), table_name="sandbox_bookings")
    op.drop_table("sandbox_bookings")
    op.drop_index(op.f("ix_ledger_transactions_payment_id"), table_name="ledger_transactions")
    op.drop_table("ledger_transactions")
    op.drop_table("ledger_accounts")
    op.drop_table("gateway_accounts")
    op.execute("DROP FUNCTION ledger_balance()")
    op.execute("DROP FUNCTION pay_refuse()")
    schema.drop_v1(cast(Operations, op))
