"""What products cost, and exemptions.  Spec: requirements PA-10."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "fee_rules",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("product", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("amounts", sa.JSON(), nullable=False),
        sa.Column("exemptions", sa.JSON(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["gateway_accounts.id"], name=op.f("fk_fee_rules_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fee_rules")),
        sa.UniqueConstraint("account_id", "product", "version", name=op.f("uq_fee_rules_account_id_product_version")),
    )
    op.execute(
        "CREATE TRIGGER fee_rules_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fee_rules "
        "FOR EACH STATEMENT EXECUTE FUNCTION pay_refuse()"
    )
    op.create_table(
        "exemption_requests",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("payment_id", sa.String(length=26), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("decision_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("asked_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_exemption_requests_amount")),
        sa.ForeignKeyConstraint(["account_id"], ["gateway_accounts.id"], name=op.f("fk_exemption_requests_account_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_exemption_requests_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exemption_requests")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_exemption_requests_payment_id")),
    )
    op.create_index(
        "ix_exemption_requests_asked",
        "exemption_requests",
        ["account_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.add_column("payments", sa.Column("fee_terms", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("payments", "fee_terms")
    op.drop_table("exemption_requests")
    op.drop_table("fee_rules")
