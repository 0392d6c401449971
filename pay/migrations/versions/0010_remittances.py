"""What bodies and partners were paid.  Spec: pay-design.md §3, §8."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "remittances",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account_code", sa.String(length=160), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_remittances_amount")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remittances")),
        sa.UniqueConstraint("account_code", "currency", "day", name=op.f("uq_remittances_account_code_currency_day")),
    )
    op.create_table(
        "remittance_entries",
        sa.Column("entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("remittance_id", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entries.id"], name=op.f("fk_remittance_entries_entry_id")),
        sa.ForeignKeyConstraint(["remittance_id"], ["remittances.id"], name=op.f("fk_remittance_entries_remittance_id")),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_remittance_entries")),
    )
    op.create_index(op.f("ix_remittance_entries_remittance_id"), "remittance_entries", ["remittance_id"], unique=False)
    op.create_table(
        "remittance_formats",
        sa.Column("account_code", sa.String(length=160), nullable=False),
        sa.Column("columns", sa.ARRAY(sa.String(length=20)), nullable=False),
        sa.Column("separator", sa.String(length=1), nullable=False),
        sa.Column("days", sa.String(length=10), nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("account_code", name=op.f("pk_remittance_formats")),
    )
    for table in ("remittances", "remittance_entries"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION pay_refuse()"
        )


def downgrade() -> None:
    for table in ("remittance_formats", "remittance_entries", "remittances"):
        op.drop_table(table)
