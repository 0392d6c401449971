"""Months that offices have closed, and their files.  Spec: PA-1, PA-3."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "month_closings",
        sa.Column("organisation_id", sa.String(length=100), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("last_transaction", sa.BigInteger(), nullable=False),
        sa.Column("closed_by", sa.String(length=200), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "month", name=op.f("pk_month_closings")),
    )
    op.create_table(
        "month_files",
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["gateway_accounts.id"], name=op.f("fk_month_files_account_id")),
        sa.PrimaryKeyConstraint("account_id", "month", "name", name=op.f("pk_month_files")),
    )
    for table in ("month_closings", "month_files"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION pay_refuse()"
        )


def downgrade() -> None:
    for table in ("month_files", "month_closings"):
        op.drop_table(table)
