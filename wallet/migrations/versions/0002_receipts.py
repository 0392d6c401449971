"""Receipts, status lists and erasure: what follows a decision."""

import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import Operations

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
op: Operations = alembic_op  # type: ignore[assignment]  # the module stands for the operations of the present migration


def upgrade() -> None:
    op.create_table(
        "status_lists",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=True),
        sa.Column("signed_at", TIME, nullable=True),
        sa.Column("is_stale", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_status_lists")),
    )
    op.create_table(
        "erasures",
        sa.Column("consent_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("ground", sa.String(), nullable=True),
        sa.Column("closed_at", TIME, nullable=True),
        sa.CheckConstraint("(state = 'kept') = (ground is not null)", name=op.f("ck_erasures_ground")),
        sa.CheckConstraint("state in ('open', 'erased', 'kept')", name=op.f("ck_erasures_state")),
        sa.ForeignKeyConstraint(["consent_id"], ["consents.consent_id"], name=op.f("fk_erasures_consent_id")),
        sa.PrimaryKeyConstraint("consent_id", name=op.f("pk_erasures")),
    )
    op.create_index("ix_erasures_org_id", "erasures", ["org_id", "state", "due_at"], unique=False)
    op.add_column("consent_events", sa.Column("log_entry_id", sa.Uuid(), nullable=True))
    op.add_column("consent_events", sa.Column("log_leaf", sa.LargeBinary(), nullable=True))
    op.add_column("consent_request_items", sa.Column("receipt_id", sa.Uuid(), nullable=True))
    op.add_column("consent_request_items", sa.Column("refused_offer", sa.LargeBinary(), nullable=True))
    op.add_column("consent_request_items", sa.Column("log_entry_id", sa.Uuid(), nullable=True))
    op.add_column("consent_request_items", sa.Column("log_leaf", sa.LargeBinary(), nullable=True))
    op.create_unique_constraint(op.f("uq_consent_request_items_receipt_id"), "consent_request_items", ["receipt_id"])
    op.add_column("consents", sa.Column("status_list", sa.Integer(), nullable=True))
    op.add_column("consents", sa.Column("status_idx", sa.Integer(), nullable=True))
    op.add_column("consents", sa.Column("is_sensitive", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index("ix_consents_dataset_id", "consents", ["dataset_id", "state"], unique=False)
    op.create_index("uq_consents_status", "consents", ["status_list", "status_idx"], unique=True)
    op.drop_constraint(op.f("ck_signing_keys_use"), "signing_keys", type_="check")
    op.create_check_constraint(
        op.f("ck_signing_keys_use"), "signing_keys", "use in ('consent-token', 'evidence', 'receipt', 'status-list', 'event')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM signing_keys WHERE use NOT IN ('consent-token', 'evidence')")
    op.drop_constraint(op.f("ck_signing_keys_use"), "signing_keys", type_="check")
    op.create_check_constraint(op.f("ck_signing_keys_use"), "signing_keys", "use in ('consent-token', 'evidence')")
    op.drop_index("uq_consents_status", table_name="consents")
    op.drop_index("ix_consents_dataset_id", table_name="consents")
    op.drop_column("consents", "is_sensitive")
    op.drop_column("consents", "status_idx")
    op.drop_column("consents", "status_list")
    op.drop_constraint(op.f("uq_consent_request_items_receipt_id"), "consent_request_items", type_="unique")
    op.drop_column("consent_request_items", "log_leaf")
    op.drop_column("consent_request_items", "log_entry_id")
    op.drop_column("consent_request_items", "refused_offer")
    op.drop_column("consent_request_items", "receipt_id")
    op.drop_column("consent_events", "log_leaf")
    op.drop_column("consent_events", "log_entry_id")
    op.drop_index("ix_erasures_org_id", table_name="erasures")
    op.drop_table("erasures")
    op.drop_table("status_lists")
