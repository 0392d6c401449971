"""Payments by transfer to our bank account, and money of no account that two persons decide on.  Spec: pay-api.md §25, pay-design.md §3."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("gateway_accounts", sa.Column("allow_transfer", sa.Boolean(), nullable=False, server_default="false"))
    op.add_column("notice_issuers", sa.Column("at_counters", sa.Boolean(), nullable=False, server_default="true"))
    op.add_column("suspense_items", sa.Column("proposed_by", sa.String(length=200), nullable=True))
    op.add_column("suspense_items", sa.Column("proposed_account_id", sa.String(length=26), nullable=True))
    op.create_foreign_key(
        op.f("fk_suspense_items_proposed_account_id"), "suspense_items", "gateway_accounts", ["proposed_account_id"], ["id"]
    )
    op.create_check_constraint(
        op.f("ck_suspense_items_two_persons"),
        "suspense_items",
        "account_id is not null or closed_by is null or closed_by <> proposed_by",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_suspense_items_two_persons"), "suspense_items", type_="check")
    op.drop_constraint(op.f("fk_suspense_items_proposed_account_id"), "suspense_items", type_="foreignkey")
    for table, column in (
        ("suspense_items", "proposed_account_id"),
        ("suspense_items", "proposed_by"),
        ("notice_issuers", "at_counters"),
        ("gateway_accounts", "allow_transfer"),
    ):
        op.drop_column(table, column)
