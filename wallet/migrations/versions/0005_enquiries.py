"""Enquiries, reports of providers, and accesses that are seen later."""

import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import Operations

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
op: Operations = alembic_op  # type: ignore[assignment]  # the module stands for the operations of the present migration


def upgrade() -> None:
    op.create_table(
        "delayed_bodies",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("law_reference", sa.String(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.PrimaryKeyConstraint("org_id", name=op.f("pk_delayed_bodies")),
    )
    op.create_table(
        "enquiries",
        sa.Column("enquiry_id", sa.Uuid(), nullable=False),
        sa.Column("txn", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("subject_index", sa.LargeBinary(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("question", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("answer_kind", sa.String(), nullable=True),
        sa.Column("answer_law", sa.String(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("answered_at", TIME, nullable=True),
        sa.CheckConstraint("kind in ('why', 'not_right', 'correct')", name=op.f("ck_enquiries_kind")),
        sa.CheckConstraint("state in ('open', 'answered', 'accepted', 'escalated', 'closed')", name=op.f("ck_enquiries_state")),
        sa.CheckConstraint("(answer_kind is null) = (answered_at is null)", name=op.f("ck_enquiries_answer")),
        sa.PrimaryKeyConstraint("enquiry_id", name=op.f("pk_enquiries")),
    )
    op.create_index("ix_enquiries_org_id", "enquiries", ["org_id", "state", "due_at"], unique=False)
    op.create_index("ix_enquiries_subject_index", "enquiries", ["subject_index", "opened_at"], unique=False)
    op.create_table(
        "hidden_entries",
        sa.Column("txn", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("hidden_at", TIME, nullable=False),
        sa.Column("release_at", TIME, nullable=False),
        sa.Column("order_number", sa.String(), nullable=True),
        sa.Column("released_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("txn", name=op.f("pk_hidden_entries")),
    )
    op.create_index("ix_hidden_entries_org_id", "hidden_entries", ["org_id", "hidden_at"], unique=False)
    op.create_index("ix_hidden_entries_release_at", "hidden_entries", ["release_at"], unique=False)
    op.create_table(
        "reported_accesses",
        sa.Column("txn", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("occurred_at", TIME, nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.Column("match", sa.String(), nullable=False),
        sa.CheckConstraint("match in ('known', 'unknown', 'other')", name=op.f("ck_reported_accesses_match")),
        sa.PrimaryKeyConstraint("txn", "org_id", "outcome", name=op.f("pk_reported_accesses")),
    )
    op.create_index("ix_reported_accesses_org_id", "reported_accesses", ["org_id", "received_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_reported_accesses_org_id", table_name="reported_accesses")
    op.drop_table("reported_accesses")
    op.drop_index("ix_hidden_entries_release_at", table_name="hidden_entries")
    op.drop_index("ix_hidden_entries_org_id", table_name="hidden_entries")
    op.drop_table("hidden_entries")
    op.drop_index("ix_enquiries_subject_index", table_name="enquiries")
    op.drop_index("ix_enquiries_org_id", table_name="enquiries")
    op.drop_table("enquiries")
    op.drop_table("delayed_bodies")
