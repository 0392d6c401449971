"""Acting for others: delegations, and what decisions by a delegate carry."""

import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import Operations
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
op: Operations = alembic_op  # type: ignore[assignment]  # the module stands for the operations of the present migration

FREEZE = "CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON consents FOR EACH ROW EXECUTE FUNCTION wallet_freeze({})"
MAY_CHANGE_BEFORE = "'state', 'state_since', 'state_reason', 'uses'"
MAY_CHANGE_AFTER = MAY_CHANGE_BEFORE + ", 'confirm_by'"


def upgrade() -> None:
    op.create_table(
        "delegations",
        sa.Column("delegation_id", sa.Uuid(), nullable=False),
        sa.Column("principal", sa.LargeBinary(), nullable=False),
        sa.Column("principal_index", sa.LargeBinary(), nullable=False),
        sa.Column("principal_name", sa.LargeBinary(), nullable=False),
        sa.Column("delegate", sa.LargeBinary(), nullable=False),
        sa.Column("delegate_index", sa.LargeBinary(), nullable=False),
        sa.Column("delegate_name", sa.LargeBinary(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("powers", JSONB, nullable=False),
        sa.Column("scope", JSONB, nullable=False),
        sa.Column("register", sa.String(), nullable=False),
        sa.Column("reference", sa.LargeBinary(), nullable=False),
        sa.Column("born_on", sa.LargeBinary(), nullable=True),
        sa.Column("checked_at", TIME, nullable=False),
        sa.Column("valid_from", TIME, nullable=False),
        sa.Column("valid_until", TIME, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_since", TIME, nullable=False),
        sa.Column("end_reason", sa.String(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("(state = 'ended') = (end_reason is not null)", name=op.f("ck_delegations_end_reason")),
        sa.CheckConstraint(
            "kind in ('parent', 'guardian', 'court_representative', 'company_officer', 'proxy')", name=op.f("ck_delegations_kind")
        ),
        sa.CheckConstraint("principal_index <> delegate_index", name=op.f("ck_delegations_two_persons")),
        sa.CheckConstraint("state in ('active', 'ended')", name=op.f("ck_delegations_state")),
        sa.PrimaryKeyConstraint("delegation_id", name=op.f("pk_delegations")),
    )
    active = sa.text("state = 'active'")
    op.create_index("ix_delegations_checked_at", "delegations", ["checked_at"], postgresql_where=active)
    op.create_index("ix_delegations_delegate_index", "delegations", ["delegate_index", "state"])
    op.create_index("ix_delegations_valid_until", "delegations", ["valid_until"], postgresql_where=active)
    op.create_index(
        "uq_delegations_active", "delegations", ["principal_index", "delegate_index", "kind"], unique=True, postgresql_where=active
    )
    op.add_column("consents", sa.Column("delegation_id", sa.Uuid(), nullable=True))
    op.add_column("consents", sa.Column("confirm_by", TIME, nullable=True))
    op.create_index("ix_consents_delegation_id", "consents", ["delegation_id"], postgresql_where=sa.text("delegation_id is not null"))
    op.add_column("consent_events", sa.Column("delegation_id", sa.Uuid(), nullable=True))
    op.add_column("consent_requests", sa.Column("required_delegator", sa.LargeBinary(), nullable=True))
    op.execute("DROP TRIGGER frozen ON consents")
    op.execute(FREEZE.format(MAY_CHANGE_AFTER))


def downgrade() -> None:
    op.execute("DROP TRIGGER frozen ON consents")
    op.drop_column("consent_requests", "required_delegator")
    op.drop_column("consent_events", "delegation_id")
    op.drop_index("ix_consents_delegation_id", table_name="consents")
    op.drop_column("consents", "confirm_by")
    op.drop_column("consents", "delegation_id")
    op.execute(FREEZE.format(MAY_CHANGE_BEFORE))
    op.drop_table("delegations")
