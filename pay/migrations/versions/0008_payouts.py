"""Pay-outs to people.  Spec: requirements PA-8, PA-9."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_files()
    _create_payouts()
    op.add_column("gateway_accounts", sa.Column("allow_payouts", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("account_controls", sa.Column("payout_alone_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.create_check_constraint(op.f("ck_account_controls_payout_alone"), "account_controls", "payout_alone_minor >= 0")
    op.alter_column("webhook_messages", "payment_id", nullable=True)
    op.add_column("webhook_messages", sa.Column("payout_id", sa.String(length=26), nullable=True))
    op.create_foreign_key(op.f("fk_webhook_messages_payout_id"), "webhook_messages", "payouts", ["payout_id"], ["id"])
    op.create_index(op.f("ix_webhook_messages_payout_id"), "webhook_messages", ["payout_id"], unique=False)
    op.create_check_constraint(op.f("ck_webhook_messages_one_object"), "webhook_messages", "num_nonnulls(payment_id, payout_id) = 1")


def _create_files() -> None:
    op.create_table(
        "payout_batches",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("bank", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("payouts", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("handed_over_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_batches")),
    )
    op.create_table(
        "payout_reports",
        sa.Column("bank", sa.String(length=40), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("read_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("bank", "sha256", name=op.f("pk_payout_reports")),
    )
    op.create_table(
        "sandbox_bank_files",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sandbox_bank_files")),
    )


def _create_payouts() -> None:
    op.create_table(
        "payouts",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("state", sa.String(length=15), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("method", sa.String(length=10), nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=140), nullable=False),
        sa.Column("payee_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("shares", sa.JSON(), nullable=False),
        sa.Column("payment_id", sa.String(length=26), nullable=True),
        sa.Column("ordered_by", sa.String(length=200), nullable=False),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("batch_id", sa.String(length=26), nullable=True),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("code_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("wrong_tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.Column("partner_id", sa.String(length=26), nullable=True),
        sa.Column("receipt_number", sa.String(length=40), nullable=True),
        sa.Column("return_reason", sa.String(length=10), nullable=True),
        sa.Column("paid_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payouts_amount")),
        sa.CheckConstraint("method in ('transfer', 'cash')", name=op.f("ck_payouts_method")),
        sa.CheckConstraint("decided_by is null or decided_by <> ordered_by", name=op.f("ck_payouts_two_persons")),
        sa.ForeignKeyConstraint(["account_id"], ["gateway_accounts.id"], name=op.f("fk_payouts_account_id")),
        sa.ForeignKeyConstraint(["batch_id"], ["payout_batches.id"], name=op.f("fk_payouts_batch_id")),
        sa.ForeignKeyConstraint(["partner_id"], ["partners.id"], name=op.f("fk_payouts_partner_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_payouts_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_payouts_code_hash")),
        sa.UniqueConstraint("partner_id", "receipt_number", name=op.f("uq_payouts_partner_id_receipt_number")),
    )
    _index("account_id_created_at", ["account_id", "created_at", "id"])
    _index("account_id_reference", ["account_id", sa.text("lower(reference)")])
    _index("approved", ["currency", "created_at"], "state = 'approved'")
    _index("expires_at", ["expires_at"], "state = 'collectable'")
    _index("batch_id", ["batch_id"], "batch_id is not null")
    _index("payment_id", ["payment_id"], "payment_id is not null")
    op.create_table(
        "payout_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("payout_id", sa.String(length=26), nullable=False),
        sa.Column("before", sa.String(length=15), nullable=True),
        sa.Column("after", sa.String(length=15), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.id"], name=op.f("fk_payout_events_payout_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_events")),
    )
    op.create_index(op.f("ix_payout_events_payout_id"), "payout_events", ["payout_id"], unique=False)
    op.execute(
        "CREATE TRIGGER payout_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payout_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION pay_refuse()"
    )


def _index(name: str, columns: list[str | sa.TextClause], where: str | None = None) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(f"ix_payouts_{name}", "payouts", columns, unique=False, postgresql_where=condition)


def downgrade() -> None:
    op.execute("DELETE FROM webhook_attempts WHERE message_id IN (SELECT id FROM webhook_messages WHERE payment_id IS NULL)")
    op.execute("DELETE FROM webhook_messages WHERE payment_id IS NULL")
    op.drop_constraint(op.f("ck_webhook_messages_one_object"), "webhook_messages")
    op.drop_column("webhook_messages", "payout_id")
    op.alter_column("webhook_messages", "payment_id", nullable=False)
    op.drop_column("account_controls", "payout_alone_minor")
    op.drop_column("gateway_accounts", "allow_payouts")
    op.drop_table("payout_events")
    op.drop_table("payouts")
    for table in ("sandbox_bank_files", "payout_reports", "payout_batches"):
        op.drop_table(table)
