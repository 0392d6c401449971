"""Bulk transfers with the people of each, what runs of the rules of agreements came to, and what agreements promise besides."""

import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import Operations
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
op: Operations = alembic_op  # type: ignore[assignment]  # the module stands for the operations of the present migration


def upgrade() -> None:
    op.create_table(
        "bulks",
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("txn", sa.Uuid(), nullable=False),
        sa.Column("body_sha256", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempted_at", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("state in ('attempt', 'done', 'failed')", name=op.f("ck_bulks_state")),
        sa.PrimaryKeyConstraint("client_id", "request_id", name=op.f("pk_bulks")),
        sa.UniqueConstraint("txn", name=op.f("uq_bulks_txn")),
    )
    op.create_index("ix_bulks_open", "bulks", ["attempted_at"], postgresql_where=sa.text("state = 'attempt'"))
    op.create_table(
        "bulk_people",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("subject", sa.LargeBinary(), nullable=True),
        sa.Column("subject_index", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("entry_id", "place", name=op.f("pk_bulk_people")),
    )
    op.create_index("ix_bulk_people_subject_index", "bulk_people", ["subject_index", "entry_id"])
    op.create_index("ix_bulk_people_received_at", "bulk_people", ["received_at"], postgresql_where=sa.text("salt is not null"))
    op.create_index("ix_bulk_people_first", "bulk_people", ["entry_id"], postgresql_where=sa.text("place = 0"))
    # What links a row to its person may go; the row stays, and says for ever what it said.
    op.execute(
        "CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON bulk_people"
        " FOR EACH ROW EXECUTE FUNCTION wallet_freeze('salt', 'subject', 'subject_index')"
    )
    op.create_table(
        "rule_runs",
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("accept", sa.Boolean(), nullable=False),
        sa.Column("report", sa.Boolean(), nullable=False),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.Column("reviewed_at", TIME, nullable=True),
        sa.CheckConstraint("stage in ('request', 'fetch')", name=op.f("ck_rule_runs_stage")),
        sa.CheckConstraint("accept = report", name=op.f("ck_rule_runs_verdict")),
        sa.PrimaryKeyConstraint("agreement_id", "version", "day", "stage", "rule_id", "accept", name=op.f("pk_rule_runs")),
    )
    op.add_column("agreements", sa.Column("conditions", JSONB(), server_default=sa.text("'{}'"), nullable=False))


def downgrade() -> None:
    op.drop_column("agreements", "conditions")
    for table in ("rule_runs", "bulk_people", "bulks"):
        op.drop_table(table)
