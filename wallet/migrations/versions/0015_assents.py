"""Those who must decide together: with how many one acts, and the yes of each.

`delegations.powers` stays what one may do alone, so an older process lets nobody decide alone what two must.
"""

import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import Operations
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

op: Operations = alembic_op  # type: ignore[assignment]  # the module stands for the operations of the present migration


def upgrade() -> None:
    op.add_column("delegations", sa.Column("joint", sa.SmallInteger(), server_default=sa.text("1"), nullable=False))
    op.add_column("delegations", sa.Column("together", JSONB(), server_default=sa.text("'[]'"), nullable=False))
    op.create_check_constraint(op.f("ck_delegations_joint"), "delegations", "joint >= 1")
    op.create_table(
        "assents",
        sa.Column("request", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=False),
        sa.Column("delegate_index", sa.LargeBinary(), nullable=False),
        sa.Column("delegation_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("optional_fields", JSONB(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("shown_sha256", sa.String(), nullable=False),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["request", "item_id"],
            ["consent_request_items.request", "consent_request_items.item_id"],
            name=op.f("fk_assents_request_item_id"),
        ),
        sa.PrimaryKeyConstraint("request", "item_id", "delegate_index", name=op.f("pk_assents")),
    )
    op.create_index("ix_assents_delegate_index", "assents", ["delegate_index"])
    op.create_index("ix_assents_delegation_id", "assents", ["delegation_id"])


def downgrade() -> None:
    op.drop_table("assents")
    op.drop_column("delegations", "together")
    op.drop_column("delegations", "joint")
