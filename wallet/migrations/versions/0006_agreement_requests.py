"""Agreements as bodies ask for them, from templates; and what people were asked again."""

import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import Operations
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
op: Operations = alembic_op  # type: ignore[assignment]  # the module stands for the operations of the present migration

_MORE = "'legal_review', 'submitted', 'accepted', 'rejected', 'mediation', 'rejected_final'"
STATES_BEFORE = "state in ('draft', 'signing', 'active', 'suspended', 'terminated', 'expired', 'superseded')"
STATES_AFTER = f"state in ('draft', {_MORE}, 'signing', 'active', 'suspended', 'terminated', 'expired', 'superseded')"
FREEZE = "CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON agreements FOR EACH ROW EXECUTE FUNCTION wallet_freeze({})"


def upgrade() -> None:
    op.create_table(
        "agreement_templates",
        sa.Column("template_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", JSONB, nullable=False),
        sa.Column("text", JSONB, nullable=False),
        sa.Column("legal_basis", JSONB, nullable=False),
        sa.Column("limits", JSONB, nullable=False),
        sa.Column("retention", JSONB, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("lock", sa.Integer(), nullable=False),
        sa.CheckConstraint("status in ('draft', 'active', 'retired')", name=op.f("ck_agreement_templates_status")),
        sa.PrimaryKeyConstraint("template_id", "version", name=op.f("pk_agreement_templates")),
    )
    op.create_index(
        "uq_agreement_templates_active", "agreement_templates", ["template_id"], unique=True, postgresql_where=sa.text("status = 'active'")
    )
    op.create_table(
        "asked_again",
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("concept", sa.String(), nullable=False),
        sa.Column("procedure_code", sa.String(), nullable=True),
        sa.Column("by_body", sa.Boolean(), nullable=False),
        sa.Column("reported_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_asked_again")),
    )
    op.create_index("ix_asked_again_org_id", "asked_again", ["org_id", "reported_at"], unique=False)
    op.add_column("agreements", sa.Column("template_id", sa.String(), nullable=True))
    op.add_column("agreements", sa.Column("template_version", sa.Integer(), nullable=True))
    op.add_column("agreements", sa.Column("due_at", TIME, nullable=True))
    op.add_column("agreements", sa.Column("is_extended", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("agreements", sa.Column("reason", sa.String(), nullable=True))
    op.drop_constraint(op.f("ck_agreements_state"), "agreements", type_="check")
    op.create_check_constraint(op.f("ck_agreements_state"), "agreements", STATES_AFTER)
    op.execute("DROP TRIGGER frozen ON agreements")
    op.execute(FREEZE.format("'state', 'signatures', 'updated_at', 'lock', 'due_at', 'is_extended', 'reason'"))


def downgrade() -> None:
    op.execute("DROP TRIGGER frozen ON agreements")
    op.execute(
        "DELETE FROM agreements WHERE state NOT IN ('draft', 'signing', 'active', 'suspended', 'terminated', 'expired', 'superseded')"
    )
    op.drop_constraint(op.f("ck_agreements_state"), "agreements", type_="check")
    op.create_check_constraint(op.f("ck_agreements_state"), "agreements", STATES_BEFORE)
    op.execute(FREEZE.format("'state', 'signatures', 'updated_at', 'lock'"))
    op.drop_column("agreements", "reason")
    op.drop_column("agreements", "is_extended")
    op.drop_column("agreements", "due_at")
    op.drop_column("agreements", "template_version")
    op.drop_column("agreements", "template_id")
    op.drop_index("ix_asked_again_org_id", table_name="asked_again")
    op.drop_table("asked_again")
    op.drop_index("uq_agreement_templates_active", table_name="agreement_templates", postgresql_where=sa.text("status = 'active'"))
    op.drop_table("agreement_templates")
