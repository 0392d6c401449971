"""Answers of offices to disputes.  Spec: pay-api.md §11."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "dispute_answers",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("dispute_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("words_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("made_by", sa.String(length=200), nullable=False),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("refusal", sa.String(length=200), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.CheckConstraint("decided_by is null or decided_by <> made_by", name=op.f("ck_dispute_answers_two_persons")),
        sa.ForeignKeyConstraint(["dispute_id"], ["disputes.id"], name=op.f("fk_dispute_answers_dispute_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_answers")),
    )
    op.create_index(op.f("ix_dispute_answers_dispute_id"), "dispute_answers", ["dispute_id"], unique=False)


def downgrade() -> None:
    op.drop_table("dispute_answers")
