"""Previews: data that a person sees before they go on."""

import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import Operations

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
op: Operations = alembic_op  # type: ignore[assignment]  # the module stands for the operations of the present migration

STATES_BEFORE = "state in ('attempt', 'released', 'no_record', 'denied', 'failed', 'minted')"
STATES_AFTER = "state in ('attempt', 'released', 'no_record', 'denied', 'failed', 'previewed', 'minted')"


def upgrade() -> None:
    op.create_table(
        "previews",
        sa.Column("txn", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("subject_index", sa.LargeBinary(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("dataset_version", sa.Integer(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("consent_id", sa.Uuid(), nullable=True),
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("held", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.CheckConstraint("(state in ('open', 'approved')) = (held is not null)", name=op.f("ck_previews_held")),
        sa.CheckConstraint("state in ('open', 'approved', 'taken', 'declined', 'gone')", name=op.f("ck_previews_state")),
        sa.PrimaryKeyConstraint("txn", name=op.f("pk_previews")),
        sa.UniqueConstraint("client_id", "request_id", name=op.f("uq_previews_client_id_request_id")),
    )
    op.create_index("ix_previews_expires_at", "previews", ["expires_at"], unique=False)
    op.create_index("ix_previews_subject_index", "previews", ["subject_index", "state"], unique=False)
    op.drop_constraint(op.f("ck_exchanges_state"), "exchanges", type_="check")
    op.create_check_constraint(op.f("ck_exchanges_state"), "exchanges", STATES_AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM exchanges WHERE state = 'previewed'")
    op.drop_constraint(op.f("ck_exchanges_state"), "exchanges", type_="check")
    op.create_check_constraint(op.f("ck_exchanges_state"), "exchanges", STATES_BEFORE)
    op.drop_index("ix_previews_subject_index", table_name="previews")
    op.drop_index("ix_previews_expires_at", table_name="previews")
    op.drop_table("previews")
