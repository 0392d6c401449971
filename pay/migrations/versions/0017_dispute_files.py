"""Files of evidence, and answers to disputes that people hand in themselves.  Spec: pay-api.md §11."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("dispute_answers", sa.Column("handed_in_by", sa.String(length=200), nullable=True))
    op.add_column("dispute_answers", sa.Column("handed_in_at", _TIME, nullable=True))
    op.add_column("dispute_answers", sa.Column("hand_in_note", sa.String(length=100), nullable=True))
    op.create_table(
        "dispute_files",
        sa.Column("answer_id", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["dispute_answers.id"], name=op.f("fk_dispute_files_answer_id")),
        sa.PrimaryKeyConstraint("answer_id", "position", name=op.f("pk_dispute_files")),
    )


def downgrade() -> None:
    op.drop_table("dispute_files")
    op.drop_column("dispute_answers", "hand_in_note")
    op.drop_column("dispute_answers", "handed_in_at")
    op.drop_column("dispute_answers", "handed_in_by")
